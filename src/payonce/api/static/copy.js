// Copies what a payer must not mistype. Without it the text is selected by one click or touch.
(function () {
  function mark(place) {
    var range = document.createRange();
    range.selectNodeContents(place);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }

  function copy(button) {
    var place = document.getElementById(button.dataset.copy), label = button.firstChild.data;
    function done(worked) {
      // Marked, it can be copied by hand where the browser does not let a page do it.
      if (!worked) mark(place);
      button.firstChild.data = worked ? "Copied" : "Marked";
      setTimeout(function () { button.firstChild.data = label; }, 2000);
    }
    if (!navigator.clipboard) return done(false);
    navigator.clipboard.writeText(place.textContent).then(function () { done(true); }, function () { done(false); });
  }

  document.querySelectorAll("[data-copy]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { copy(button); });
  });
})();
