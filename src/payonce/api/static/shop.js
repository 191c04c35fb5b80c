// The shop's page while things change: counters as they are now, ten clicks at once, and buttons for trouble.
// Without it every form still works.
(function () {
  var page = document.querySelector("main[data-orders]");
  // Often enough to watch a webhook arrive, and oftener at first, for who is just back from paying; this is a demo for
  // a few people, not the status of a payment. In milliseconds.
  var EVERY = 1500, pause = 200;

  function json(method, url, body) {
    var options = { method: method, headers: { Accept: "application/json" }, cache: "no-store" };
    if (body) options.body = new URLSearchParams(body);
    return fetch(url, options).then(function (answer) { return answer.json(); });
  }

  function show(order) {
    var row = document.getElementById(order.id);
    if (!row) return;
    var told = { label: order.label, message: order.message, charged: order.counters.charged,
      recorded: order.counters.recorded, fulfilled: order.counters.fulfilled };
    row.querySelectorAll("[data-show]").forEach(function (place) {
      var value = told[place.dataset.show];
      place.textContent = value;
      if (place.dataset.show === "label") place.className = "badge " + order.payment;
      else if (typeof value === "number") place.className = value > 1 ? "too-many" : "";
    });
    row.querySelectorAll("[data-when]").forEach(function (place) {
      place.hidden = place.dataset.when === "paid" ? order.payment !== "paid" : !order.can_pay;
    });
  }

  function look() {
    json("GET", page.dataset.orders)
      .then(function (answer) { answer.orders.forEach(show); })
      .catch(function () { /* the service restarts; the next look tells */ })
      .then(function () {
        setTimeout(look, pause);
        pause = Math.min(2 * pause, EVERY);
      });
  }

  function say(near, text) {
    near.closest(".acts").querySelector("[data-said]").textContent = text;
  }

  function tellFaults(faults) {
    var place = document.querySelector("[data-faults]");
    if (!place) return;
    place.hidden = !faults.length;
    place.replaceChildren.apply(place, faults.map(function (fault) {
      var item = document.createElement("li");
      item.textContent = fault;
      return item;
    }));
  }

  function rush(button) {
    var clicks = [];
    for (var i = 0; i < 10; i += 1) clicks.push(json("POST", button.dataset.rush));
    Promise.all(clicks).then(function (answers) {
      var sessions = {};
      answers.forEach(function (answer) { if (answer.attempt) sessions[answer.attempt] = true; });
      say(button, "10 clicks, " + Object.keys(sessions).length + " payment session");
    }).catch(function () { say(button, "No answer; nothing was charged."); });
  }

  page.addEventListener("click", function (event) {
    var button = event.target.closest("[data-rush], [data-act]");
    if (!button) return;
    event.preventDefault();
    if (button.dataset.rush) return rush(button);
    json("POST", page.dataset.control, { act: button.dataset.act, order: button.dataset.order || "" })
      .then(function (answer) {
        say(button, answer.said || answer.detail);
        if (answer.faults) tellFaults(answer.faults);
      });
  });

  // Back from the provider's page, often before its webhook: one check there, as the waiting page does it.
  var paid = new URLSearchParams(location.search).get("paid");
  document.querySelectorAll("[data-reference]").forEach(function (row) {
    if (row.dataset.reference === paid) json("POST", row.dataset.status + "/refresh").catch(function () {});
  });
  look();
})();
