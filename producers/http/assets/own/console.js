// The console's only script. Pages can be read, and forms be sent, without it.
"use strict";

// A form is sent once: its button waits for the answer. (Sent twice, it would be done once.)
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  const button = event.submitter;
  setTimeout(() => {
    for (const each of form.querySelectorAll("button")) each.disabled = true;
    if (button) button.setAttribute("aria-busy", "true");
  });
});
window.addEventListener("pageshow", () => {
  for (const each of document.querySelectorAll("button:disabled")) each.disabled = false;
});

// The overview says when it is no longer live; who has been logged out is asked to log in.
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (event.detail.xhr && event.detail.xhr.status === 401) location.reload();
    const health = document.querySelector("#pulse .health");
    if (!health) return;
    health.className = "health bad";
    health.querySelector("strong").textContent = "The gateway does not answer; trying again";
  });
}

// One box chooses all of a page.
document.addEventListener("change", (event) => {
  const name = event.target.dataset.all;
  if (!name) return;
  for (const each of document.querySelectorAll(`input[name="${name}"]`)) each.checked = event.target.checked;
});

const grouped = (text) => {
  const [whole, fraction] = text.split(".");
  const shown = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? shown : `${shown}.${fraction}`;
};
const cell = (row, text, name) => {
  const made = row.insertCell();
  made.textContent = text;
  if (name) made.className = name;
  return made;
};
const moment = (text) => {
  const made = document.createElement("time");
  made.dateTime = made.title = text;
  made.append(`${text.slice(0, 10)} ${text.slice(11, 19)} `);
  const zone = document.createElement("span");
  zone.className = "zone";
  zone.textContent = "UTC";
  made.append(zone);
  return made;
};

// A wallet's page follows its changes; what was missed comes with the next connection.
const follow = (head) => {
  const put = (name, text) => { head.querySelector(`[data-${name}]`).textContent = text; };
  const lines = document.querySelector("[data-lines][data-first]");
  const source = new EventSource(`${head.dataset.live}?after=${head.dataset.after}`);
  const state = head.querySelector("[data-state]");
  source.addEventListener("following", () => { state.className = "live"; state.textContent = "live"; });
  source.addEventListener("error", () => { state.className = ""; state.textContent = "not live; trying again"; });
  source.addEventListener("change", (event) => {
    const said = JSON.parse(event.data);
    put("balance", grouped(said.balance.after));
    put("sequence", grouped(String(said.sequence)));
    if (said.status) put("status", said.status);
    if (!lines) return;
    const row = lines.insertRow(0);
    row.className = "new";
    cell(row, grouped(String(said.sequence)), "n");
    cell(row, "").append(moment(said.recorded_at));
    const link = document.createElement("a");
    link.href = `${head.dataset.root}/transactions/${said.transaction_id}`;
    link.textContent = said.type.replace(/\.v\d+$/, "").replace(/^wallet\./, "").replace(/[._]/g, " ");
    cell(row, "").append(link);
    const isOut = said.amount.startsWith("-");
    const moved = /[1-9]/.test(said.amount);
    const bare = grouped(said.amount.replace("-", ""));
    cell(row, moved ? (isOut ? "-" : "+") + bare : "", moved ? (isOut ? "n out" : "n in") : "n");
    cell(row, grouped(said.balance.after), "n");
    cell(row, "");
    cell(row, said.reference || "");
  });
  source.addEventListener("end", () => { state.className = ""; state.textContent = "ended; load the page again"; source.close(); });
  window.addEventListener("pagehide", () => source.close());
};
for (const head of document.querySelectorAll("[data-live]")) follow(head);
