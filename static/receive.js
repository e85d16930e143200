/* 按客户收款: the sum of the parts follows what is typed. The server adds up for itself. */
(() => {
  "use strict";
  const cents = (text) => {
    const plain = text.replace(/[,¥\s]/g, "");
    if (!/^\d+(\.\d{1,2})?$/.test(plain)) return 0n;
    const [whole, part = ""] = plain.split(".");
    return BigInt(whole) * 100n + BigInt(part.padEnd(2, "0"));
  };
  const money = (value) => {
    const whole = String(value / 100n).replace(/\B(?=(\d{3})+$)/g, ",");
    return `¥${whole}.${String(value % 100n).padStart(2, "0")}`;
  };
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("[data-receive]");
    if (!form || !event.target.matches("[data-part]")) return;
    const parts = [...form.querySelectorAll("[data-part]")];
    const sum = parts.reduce((total, field) => total + cents(field.value), 0n);
    form.querySelector("[data-parts-sum]").textContent = money(sum);
  });
})();
