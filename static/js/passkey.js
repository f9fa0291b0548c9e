/* A passkey that was cancelled or not accepted is told on the page, not only in the browser's console. */
(() => {
  const note = document.getElementById("passkey-failed");
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    note.hidden = false;
  });
})();
