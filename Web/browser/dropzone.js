// Uploads files with progress; the server checks each file as soon as it is complete.

const MEGABYTE = 1 << 20;

export class Dropzone {
  // `arrived` is called after every file, successful or not.
  constructor(root, arrived) {
    this.root = root;
    this.arrived = arrived;
    this.most = Number(root.dataset.mostMegabytes);
    this.list = root.querySelector("ul");
    this.waiting = [];
    this.sending = false;
    const input = root.querySelector("input[type=file]");
    const chosen = () => {
      this.take(input.files);
      input.value = "";
    };
    input.addEventListener("change", chosen);
    // Files may have been chosen before this script was loaded.
    if (input.files.length) chosen();
    for (const kind of ["dragover", "dragleave", "drop"]) {
      root.addEventListener(kind, (event) => {
        event.preventDefault();
        root.classList.toggle("over", kind === "dragover");
        if (kind === "drop") this.take(event.dataTransfer.files);
      });
    }
  }

  take(files) {
    for (const line of this.list.querySelectorAll(".refused")) line.remove();
    for (const file of files) {
      const line = this.line(file.name);
      if (file.size > this.most * MEGABYTE) {
        line.refuse(`${(file.size / MEGABYTE).toFixed(0)} MB; the limit is ${this.most} MB.`);
      } else this.waiting.push({ file, line });
    }
    this.next();
  }

  next() {
    if (this.sending || !this.waiting.length) return;
    this.sending = true;
    const { file, line } = this.waiting.shift();
    const request = new XMLHttpRequest();
    const done = (message) => {
      this.sending = false;
      if (message) line.refuse(message);
      else line.remove();
      this.arrived();
      this.next();
    };
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) line.progress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      if (request.status < 300) done();
      else done(messageOf(request) || `The server refused the file (${request.status}).`);
    });
    request.addEventListener("error", () => {
      done("The connection was lost during the upload. Try again.");
    });
    request.open("PUT", "uploads");
    request.setRequestHeader("X-File-Name", encodeURIComponent(file.name));
    request.send(file);
  }

  line(name) {
    const item = document.createElement("li");
    const bar = document.createElement("progress");
    const text = document.createElement("span");
    text.textContent = `${name}: uploading`;
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", `Upload of ${name}`);
    item.append(text, bar);
    this.list.append(item);
    return {
      progress: (share) => (bar.value = share),
      remove: () => item.remove(),
      refuse: (message) => {
        bar.remove();
        item.className = "refused";
        text.textContent = `✗ ${name}: ${message}`;
      },
    };
  }
}

function messageOf(request) {
  try {
    return JSON.parse(request.responseText).message;
  } catch {
    return "";
  }
}
