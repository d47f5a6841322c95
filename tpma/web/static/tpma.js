// tpma.js: the one script. Small behaviours named by data attributes; every page works without it.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  const token = document.querySelector("meta[name=csrf]");
  document.addEventListener("htmx:configRequest", (event) => {
    if (token) event.detail.headers["X-CSRFToken"] = token.content;
  });
  // A form shown again with its faults (422) is an answer, not a failure.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status === 422) event.detail.shouldSwap = true;
  });

  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy && navigator.clipboard) {
      navigator.clipboard.writeText(copy.dataset.copy);
      copy.classList.add("copied");
      setTimeout(() => copy.classList.remove("copied"), 1200);
    }
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) dismiss.closest("[data-toast]").remove();
    const opener = event.target.closest("[data-dialog]");
    if (opener) document.getElementById(opener.dataset.dialog).showModal();
    const closer = event.target.closest("[data-close]");
    if (closer) closer.closest("dialog").close();
    for (const open of document.querySelectorAll("details.switcher[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });

  // A suggestion fills its field; data-check ticks the choice it belongs to.
  document.addEventListener("click", (event) => {
    const fill = event.target.closest("[data-fill]");
    if (!fill) return;
    document.getElementById(fill.dataset.fill).value = fill.dataset.value;
    if (fill.dataset.check) document.getElementById(fill.dataset.check).checked = true;
  });

  // After an autosave (204) the previews named by the form are drawn again.
  document.addEventListener("saved", (event) => {
    const form = event.target.closest("[data-autosave]");
    if (!form) return;
    for (const frame of document.querySelectorAll(form.dataset.autosave)) {
      frame.src = frame.dataset.src + (frame.dataset.src.includes("?") ? "&" : "?") + "at=" + Date.now();
    }
  });

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-autosubmit]");
    if (form) form.requestSubmit();
  });

  // A file may be dropped anywhere on its frame.
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      const zone = event.target.closest?.("[data-drop]");
      if (!zone) return;
      event.preventDefault();
      zone.classList.toggle("over", kind === "dragover");
      if (kind === "drop") zone.querySelector("input[type=file]").files = event.dataTransfer.files;
    });
  }

  // A button that was pressed once is not pressed twice.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent && form.method === "post" && !form.hasAttribute("hx-post")) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 4000);
  });

  // "38 of 70" beside a field, amber from 90 %.
  const count = (field) => {
    const shown = document.getElementById(field.dataset.count);
    if (!shown) return;
    const most = Number(field.maxLength > 0 ? field.maxLength : field.dataset.max);
    shown.textContent = shown.dataset.words.replace("{n}", field.value.length).replace("{max}", most);
    shown.classList.toggle("wa", field.value.length >= most * 0.9);
  };
  // The zone of the browser, where a form asks for it and nobody should have to type it.
  for (const field of document.querySelectorAll("input[data-zone]")) {
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || field.value;
  }
  const arrive = (part) => {
    for (const field of part.querySelectorAll("[data-count]")) count(field);
    for (const toast of part.querySelectorAll("[data-toast]")) fade(toast);
    for (const dialog of part.querySelectorAll("dialog[data-show]")) dialog.showModal();
    // One that stands open in the page, for those without script, comes to the front.
    for (const dialog of part.querySelectorAll("dialog[open]:not(:modal)")) {
      dialog.close();
      dialog.showModal();
    }
    const bad = part.querySelector("[aria-invalid=true]");
    if (bad) bad.focus();
  };
  document.addEventListener("input", (event) => {
    if (event.target.dataset.count) count(event.target);
    // A colour well and the field that is sent tell the same.
    const twin = event.target.dataset.mirror && document.getElementById(event.target.dataset.mirror);
    if (twin) {
      twin.value = event.target.value.toUpperCase();
      twin.dispatchEvent(new Event("input", { bubbles: true }));
    }
    const shown = event.target.type === "file" && document.querySelector(`[data-file="${CSS.escape(event.target.id)}"]`);
    if (shown && event.target.files[0]) shown.textContent = event.target.files[0].name;
  });

  const fade = (toast) => {
    let timer = setTimeout(() => toast.remove(), 8000);
    const hold = () => clearTimeout(timer);
    const go = () => { timer = setTimeout(() => toast.remove(), 8000); };
    toast.addEventListener("mouseenter", hold);
    toast.addEventListener("focusin", hold);
    toast.addEventListener("mouseleave", go);
    toast.addEventListener("focusout", go);
  };

  // Single keys, never inside a field: / find, g h home, g l leads, j k next and previous.
  let prefix = "";
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input,textarea,select,[contenteditable]")) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const wanted = prefix + event.key;
    prefix = event.key === "g" ? "g" : "";
    const go = document.querySelector(`[data-key="${CSS.escape(wanted)}"]`);
    if (event.key === "/") {
      event.preventDefault();
      document.querySelector("[data-jump]")?.focus();
    } else if (go) {
      event.preventDefault();
      go.click();
    }
  });

  arrive(document);
  // A field left empty takes what an upload has suggested; what was typed stays.
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    const told = document.querySelector("[data-fill]");
    const field = told && document.getElementById(told.dataset.fill);
    if (field && !field.value && told.dataset.value) {
      field.value = told.dataset.value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => arrive(event.detail.target));
})();
