// What a reader with a narrow screen, weak eyes, a keyboard or a screen reader would stumble over in this page, as
// sentences; none when there is nothing. The first measures of an accessibility checker, in the words of this project.
() => {
  const wrong = [];
  const say = (what, element) => wrong.push(element ? `${what}: ${element.outerHTML.slice(0, 120)}` : what);
  const shown = (element) => element.checkVisibility() && !element.closest(".unseen");
  const all = (selector) => [...document.querySelectorAll(selector)];

  // Names and order.
  if (!document.documentElement.lang) say("no language");
  if (!document.title.trim()) say("no title");
  if (all("main").length !== 1) say("not one main part");
  const levels = all("h1, h2, h3, h4").map((heading) => Number(heading.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1 || levels[0] !== 1) say(`headings ${levels}`);
  levels.forEach((level, at) => { if (at && level > levels[at - 1] + 1) say(`headings ${levels}`); });
  const ids = all("[id]").map((element) => element.id);
  if (new Set(ids).size !== ids.length) say("an id twice");
  all("input:not([type=hidden]), select, textarea").forEach((field) => {
    if (!field.labels.length && !field.ariaLabel) say("a field without a label", field);
  });
  all("button, a").filter(shown).forEach((element) => {
    if (!element.innerText.trim() && !element.ariaLabel) say("nothing to read", element);
  });

  // Room.
  if (document.documentElement.scrollWidth > innerWidth) say(`scrolls sideways, ${document.documentElement.scrollWidth}`);
  all("body *").filter(shown).forEach((element) => {
    const box = element.getBoundingClientRect();
    if (box.width && (box.right > innerWidth + 1 || box.left < -1)) say("leaves the screen", element);
  });
  // For fingers, on what a telephone is wide.
  if (innerWidth < 500) {
    all("button, .button, input:not([type=hidden])").filter(shown).forEach((element) => {
      const target = element.type === "checkbox" ? element.labels[0] : element;
      if (target.getBoundingClientRect().height < 40) say("too low for a finger", element);
    });
  }

  // Contrast by WCAG 2: 4.5 for text, whatever its size.
  const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((value, at) => value * a + below[at] * (1 - a));
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    const colour = parts(getComputedStyle(element).backgroundColor);
    return colour[3] === undefined ? colour : over(colour, ground(element.parentElement));
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const compare = (element, colour, what) => {
    const below = ground(element);
    const [high, low] = [light(over(parts(colour), below)), light(below)].sort((a, b) => b - a);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) say(`${what} of contrast ${contrast.toFixed(2)}`, element);
  };
  all("body *").filter(shown).forEach((element) => {
    const speaks = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (speaks) compare(element, getComputedStyle(element).color, "text");
    if (element.placeholder) compare(element, getComputedStyle(element, "::placeholder").color, "a placeholder");
  });
  return [...new Set(wrong)];
}
