/* Sends chosen files in pieces, one after the other, and shows how far they are. A module. */

const csrf = (form) => form.querySelector('[name="csrfmiddlewaretoken"]').value;

async function post(form, address, body) {
  const answer = await fetch(address, { method: "POST", body, headers: { "X-CSRFToken": csrf(form) } });
  const told = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : {};
  if (!answer.ok) throw new Error(told.detail ?? form.dataset.failed);
  return told;
}

async function send(form, file, show) {
  const begun = await post(form, form.action, new URLSearchParams({ name: file.name, size: file.size }));
  const most = Number(form.dataset.piece);
  for (let at = 0; at < file.size; at += most) {
    await post(form, `${begun.pieces}?at=${at}`, file.slice(at, at + most));
    show(Math.min(at + most, file.size));
  }
  return begun.page;
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const files = [...form.querySelector('input[type="file"]').files];
    if (!files.length) return;
    const [bar, said, button] = ["progress", "[role=alert]", "button"].map((name) => form.querySelector(name));
    button.disabled = true;
    bar.hidden = false;
    bar.max = files.reduce((sum, file) => sum + file.size, 0);
    said.textContent = "";
    let before = 0;
    let page = location.href;
    try {
      for (const file of files) {
        page = await send(form, file, (sent) => { bar.value = before + sent; });
        before += file.size;
      }
      location.assign(files.length === 1 ? page : location.href);
    } catch (error) {
      said.textContent = error instanceof TypeError ? form.dataset.failed : error.message;
      button.disabled = false;
    }
  });
}
