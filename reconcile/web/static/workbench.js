// One key does what the button with that data-key does; a box with data-all ticks all boxes of that name.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const key = event.key.toLowerCase();
  const button = /^[a-z]$/.test(key) && document.querySelector(`[data-key="${key}"]`);
  if (!button) return;
  event.preventDefault();
  // Pressed twice in a hurry, a key must not decide a pair that nobody has seen yet.
  if (document.body.dataset.busy) return;
  document.body.dataset.busy = "yes";
  button.click();
});
document.addEventListener("change", (event) => {
  const name = event.target.dataset.all;
  if (name) document.querySelectorAll(`input[name="${name}"]`).forEach((box) => { box.checked = event.target.checked; });
});
// A page that came in place of another begins at its content, for those who hear it.
document.addEventListener("htmx:afterSettle", (event) => {
  delete document.body.dataset.busy;
  if (event.detail.boosted) document.getElementById("main")?.focus({ preventScroll: true });
});
document.addEventListener("htmx:sendError", () => { delete document.body.dataset.busy; });
