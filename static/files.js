// Files: uploads with progress, the viewer of pictures and PDF, packing the chosen ones.
(() => {
  "use strict";
  const { $, $$, icon, iconButton, toast } = window.kaihai;

  // ---- Uploads: choosing or dropping is enough; the bar shows how far it is ----
  document.addEventListener("change", (event) => {
    const form = event.target.matches("form[data-upload] input[type=file]") && event.target.form;
    if (form && event.target.files.length) send(form);
  });
  function send(form) {
    const input = $("input[type=file]", form);
    const limit = Number(form.dataset.limit);
    const large = limit && [...input.files].find((file) => file.size > limit);
    if (large) {
      toast(`“${large.name.slice(0, 60)}”超过 ${Math.round(limit / 1048576)} MB。`, { error: true });
      input.value = "";
      return;
    }
    const box = $("[data-progress]", form);
    const bar = $("progress", box);
    const words = $("[data-progress-text]", box);
    const request = new XMLHttpRequest();
    const data = new FormData(form);
    const end = (text) => {
      box.hidden = true;
      $(".k-drop-zone", form).hidden = false;
      input.value = "";
      if (text) toast(text, { error: true });
    };
    request.open("POST", form.action);
    request.setRequestHeader("HX-Request", "true");
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      bar.value = Math.round((event.loaded / event.total) * 100);
      words.textContent = event.loaded < event.total ? `正在上传 ${bar.value}%` : "正在检查";
    });
    request.addEventListener("load", () => {
      const next = request.getResponseHeader("HX-Redirect");
      const asked = new URL(request.responseURL || location.href).pathname === "/login/";
      if (next || asked) location.href = next || `/login/?next=${encodeURIComponent(location.pathname + location.search)}`;
      else end(request.status === 413 ? "文件太大，没有上传" : request.status === 403 ? "没有权限执行这个操作，或页面已过期，请刷新后重试" : "服务器出错了，没有上传，请稍后重试");
    });
    request.addEventListener("error", () => end("网络中断，没有上传，请稍后重试"));
    request.addEventListener("abort", () => end("已取消上传"));
    $("[data-upload-stop]", box).onclick = () => request.abort();
    bar.value = 0;
    words.textContent = "正在上传";
    box.hidden = false;
    $(".k-drop-zone", form).hidden = true;
    request.send(data);
  }

  // ---- Packing: what is ticked, else everything ----
  document.addEventListener("change", (event) => {
    if (!event.target.matches("input[name=file][form]")) return;
    const form = event.target.form;
    const chosen = [...form.elements].filter((field) => field.name === "file" && field.checked).length;
    $("[data-pack-text]", form).textContent = chosen ? `打包下载选中的 ${chosen} 个` : "打包下载全部";
  });

  // ---- Viewer ----
  let shown = [];
  let place = 0;
  const viewer = document.createElement("dialog");
  viewer.className = "k-viewer";
  viewer.setAttribute("aria-label", "查看附件");
  const title = Object.assign(document.createElement("b"), { className: "k-ellipsis" });
  const count = Object.assign(document.createElement("span"), { className: "k-viewer-count" });
  const link = (name, label) => {
    const element = Object.assign(document.createElement("a"), { className: "k-btn k-btn-icon", title: label });
    element.setAttribute("aria-label", label);
    element.append(icon(name));
    return element;
  };
  const download = link("download", "下载");
  download.setAttribute("download", "");
  const close = iconButton("x", "关闭");
  const previous = iconButton("left", "上一个");
  const next = iconButton("right", "下一个");
  previous.classList.add("k-viewer-prev");
  next.classList.add("k-viewer-next");
  const stage = Object.assign(document.createElement("div"), { className: "k-viewer-stage" });
  const head = Object.assign(document.createElement("div"), { className: "k-viewer-head" });
  head.append(title, count, download, close);
  viewer.append(head, stage, previous, next);
  document.body.append(viewer);

  function show(at) {
    place = (at + shown.length) % shown.length;
    const one = shown[place];
    title.textContent = one.name;
    count.textContent = shown.length > 1 ? `${place + 1} / ${shown.length}` : "";
    download.href = one.download;
    previous.hidden = next.hidden = shown.length < 2;
    if (one.kind === "pdf") {
      const frame = Object.assign(document.createElement("iframe"), { src: one.url, title: one.name });
      const note = Object.assign(document.createElement("p"), { className: "k-viewer-note", textContent: "如果浏览器没有显示内容，请下载后查看。" });
      stage.replaceChildren(frame, note);
    } else {
      const image = Object.assign(document.createElement("img"), { src: one.url, alt: one.name });
      image.addEventListener("error", () => { stage.textContent = "图片没有加载出来，请下载后查看。"; });
      stage.replaceChildren(image);
    }
  }
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("a[data-view]");
    if (!opener || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const all = $$("a[data-view]", opener.closest("[data-gallery]") || opener.parentElement);
    shown = all.map((one) => ({ kind: one.dataset.view, url: one.href, name: one.dataset.name || one.title, download: one.dataset.download || one.href }));
    show(all.indexOf(opener));
    viewer.showModal();
    close.focus();
  });
  previous.addEventListener("click", () => show(place - 1));
  next.addEventListener("click", () => show(place + 1));
  close.addEventListener("click", () => viewer.close());
  viewer.addEventListener("click", (event) => { if (event.target === viewer || event.target === stage) viewer.close(); });
  viewer.addEventListener("close", () => stage.replaceChildren());
  viewer.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") { event.preventDefault(); if (shown.length > 1) show(place + (event.key === "ArrowLeft" ? -1 : 1)); }
  });
})();
