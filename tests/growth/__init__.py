"""How much each question reads when the tables behind it have grown tenfold."""
