-- phase: pre
-- Reason: what there is to sell, and which orders hold it.

-- Pieces of an item. Orders move them between free, held and sold; the sum changes only when somebody says how many there
-- are, which is a row of the audit.
CREATE TABLE stock_items (
    merchant_id text NOT NULL,
    stock_id uuid NOT NULL,
    sku text NOT NULL,
    on_hand bigint NOT NULL,
    free bigint NOT NULL CONSTRAINT stock_free_not_negative CHECK (free >= 0),
    held bigint NOT NULL CONSTRAINT stock_held_not_negative CHECK (held >= 0),
    sold bigint NOT NULL CONSTRAINT stock_sold_not_negative CHECK (sold >= 0),
    changed_at timestamptz NOT NULL,
    CONSTRAINT stock_item_once PRIMARY KEY (merchant_id, sku),
    CONSTRAINT stock_is_free_held_or_sold CHECK (free + held + sold = on_hand)
) WITH (fillfactor = 50);

-- What an order asks for of an item, and whether it has it.
CREATE TABLE reservations (
    merchant_id text NOT NULL,
    order_id uuid NOT NULL,
    sku text NOT NULL,
    quantity bigint NOT NULL CONSTRAINT reservation_of_something CHECK (quantity > 0),
    state text NOT NULL CONSTRAINT reservation_state_known CHECK (state IN ('wanted', 'held', 'sold', 'returned')),
    reserved_at timestamptz NOT NULL,
    CONSTRAINT reservation_once_per_order_and_item PRIMARY KEY (merchant_id, order_id, sku),
    CONSTRAINT reservation_of_an_order FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, order_id),
    CONSTRAINT reservation_of_an_item FOREIGN KEY (merchant_id, sku) REFERENCES stock_items (merchant_id, sku)
) WITH (fillfactor = 80);
