// Waits for a payment (E7, E8): one check at the provider when the page opens, then a poll after 5, 10, 20 and every 40
// seconds or when the answer says so. Stops when the state is final, gives up after 12 polls. Works on any page:
// <script src="https://pay.example/static/waiting.js" data-status-url="https://pay.example/status/TOKEN" defer></script>
// fires "payonce:status" on document with each answer, and fills [data-payonce=message|notes|charged|recorded|fulfilled].
(function () {
  var place = document.querySelector("main[data-status-url]") || document.currentScript;
  var url = place.dataset.statusUrl, pauses = [5, 10, 20, 40], polls = 0, tab = Math.random().toString(36).slice(2);
  try {
    tab = sessionStorage.payonceTab = sessionStorage.payonceTab || tab;
  } catch (blocked) { /* a page that may not remember is a new tab each time */ }

  function fill(name, text) {
    document.querySelectorAll("[data-payonce=" + name + "]").forEach(function (e) { e.textContent = text; });
  }
  function list(name, texts) {
    document.querySelectorAll("[data-payonce=" + name + "]").forEach(function (e) {
      e.hidden = !texts.length;
      e.replaceChildren.apply(e, texts.map(function (text) {
        var item = document.createElement("li");
        item.textContent = text;
        return item;
      }));
    });
  }
  function show(status) {
    place.dataset.payment = status.closed_reason === "expired" ? "expired" : status.payment;
    fill("message", status.message);
    list("notes", status.notes || []);
    Object.keys(status.counters).forEach(function (name) { fill(name, status.counters[name]); });
    (status.effects || []).forEach(function (effect) { fill(effect.id, effect.state); });
    document.dispatchEvent(new CustomEvent("payonce:status", { detail: status }));
  }
  function again(seconds) {
    if (polls >= 12) {
      place.dataset.waiting = "stopped";
      fill("message", "This takes longer than usual, so this page has stopped asking. Nothing is lost and you need " +
        "not pay again: come back to this link later.");
      return;
    }
    var pause = pauses[Math.min(polls, pauses.length - 1)];
    polls += 1;
    setTimeout(ask, 1000 * Math.max(pause, seconds || 0), "GET", "");
  }
  function ask(method, path) {
    fetch(url + path + "?tab=" + tab, { method: method, headers: { Accept: "application/json" }, cache: "no-store" })
      .then(function (answer) {
        return answer.json().then(function (status) {
          if (status.payment) show(status);
          if (status.final || answer.status === 404) place.dataset.waiting = "over";
          else again(status.retry_after);
        });
      })
      .catch(function () { again(0); });
  }
  if (place.dataset.waiting !== "over") ask("POST", "/refresh");
})();
