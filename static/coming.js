// The people who will approve follow what stands in the form beside them.
document.addEventListener("change", (event) => {
  const panel = event.target.form?.querySelector("[data-coming]");
  if (panel && !panel.contains(event.target)) window.htmx.trigger(panel, "refresh");
});
