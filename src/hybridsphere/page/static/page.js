"use strict";
// The page works without this file; with it the page follows what happens.

const token = document.body.dataset.token;
const said = document.getElementById("said");

function localTimes(root) {
  const today = new Date().toDateString();
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const second = "seconds" in time.dataset ? "2-digit" : undefined;
    const clock = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second });
    const day = moment.toLocaleDateString([], { day: "numeric", month: "short" });
    time.textContent = moment.toDateString() === today || second ? clock : `${day}, ${clock}`;
    time.title = moment.toLocaleString();
  }
}

// Replace the changed pieces of a part by those of a newer copy. Pieces go by data-key; an unchanged
// piece stays, with its focus and its half-entered text.
function renew(old, fresh) {
  const there = new Map();
  for (const child of old.children) if (child.dataset.key) there.set(child.dataset.key, child);
  let place = old.firstElementChild;
  for (const child of [...fresh.children]) {
    const kept = there.get(child.dataset.key);
    if (kept && kept.source === child.outerHTML) {
      there.delete(child.dataset.key);
      if (kept === place) place = place.nextElementSibling;
      else old.insertBefore(kept, place);
      continue;
    }
    if (kept && "list" in kept.dataset && "list" in child.dataset) {
      there.delete(child.dataset.key);
      renew(kept, child);
      kept.source = child.outerHTML;
      if (kept === place) place = place.nextElementSibling;
      continue;
    }
    if (kept && kept.contains(document.activeElement) && kept.querySelector("input:focus")) {
      there.delete(child.dataset.key);
      if (kept === place) place = place.nextElementSibling;
      continue;
    }
    const source = child.outerHTML;
    const made = document.importNode(child, true);
    made.source = source;
    localTimes(made);
    if (kept) {
      const focused = kept.contains(document.activeElement) ? document.activeElement.id || kept : null;
      if (kept === place) place = place.nextElementSibling;
      kept.replaceWith(made);
      there.delete(child.dataset.key);
      if (focused) (typeof focused === "string" ? document.getElementById(focused) : made)?.focus();
    } else {
      if (made.classList.contains("card")) made.classList.add("new");
      old.insertBefore(made, place);
    }
  }
  for (const gone of there.values()) gone.remove();
}

function remember(part) {
  for (const child of part.children) {
    child.source = child.outerHTML;
    if ("list" in child.dataset) remember(child);
  }
}

const parts = [...document.querySelectorAll("[data-live]")];
let reading = false;
let again = false;
async function look() {
  if (reading) { again = true; return; }
  reading = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) location.reload();
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts) {
        const found = fresh.getElementById(part.id);
        if (found) renew(part, found);
      }
      for (const link of fresh.querySelectorAll(".side nav a")) {
        const own = document.querySelector(`.side nav a[href="${link.getAttribute("href")}"]`);
        if (own && own.innerHTML !== link.innerHTML) own.replaceChildren(...link.childNodes);
      }
      document.title = fresh.title;
    }
  } catch { /* The next piece of news tries again. */ }
  reading = false;
  if (again) { again = false; look(); }
}

// A browser has six connections for all tabs of a page: only a tab that is seen keeps one.
let news = null;
let lost = false;
function follow() {
  if (news || document.hidden) return;
  news = new EventSource("/live");
  news.onmessage = () => { look(); if (lost) say(""); lost = false; };
  news.onerror = () => {
    if (!lost) say("The page has lost its server. It continues once the server is back.");
    lost = true;
    if (news?.readyState === EventSource.CLOSED) { rest(); setTimeout(follow, 3000); }
  };
}
function rest() { news?.close(); news = null; }
addEventListener("pagehide", rest);
addEventListener("pageshow", (event) => { if (event.persisted && parts.length) follow(); });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) rest();
  else if (parts.length) follow();
});

function say(text, label, act) {
  said.replaceChildren();
  if (!text) return;
  said.append(text);
  if (label) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", act);
    said.append(button);
  }
}

// The player: to the moment at which somebody was seen; the still where it cannot play.
const video = document.querySelector("[data-player] video");
function seek(milliseconds) {
  if (!video || video.closest(".still")) return;
  video.currentTime = Number(milliseconds) / 1000;
}
if (video) {
  const give = () => {
    video.closest("[data-player]").classList.add("still");
    document.querySelector(".unplayable").hidden = false;
  };
  video.addEventListener("error", give);
  if (video.error || video.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) give();
  video.addEventListener("loadedmetadata", () => { if (video.dataset.at) seek(video.dataset.at); }, { once: true });
}
document.addEventListener("click", (event) => {
  const place = event.target.closest("[data-seek]");
  if (place && !event.target.closest("form, summary")) seek(place.dataset.seek);
});

// Words about faces: sent without leaving the page, with a way back.
async function send(action, fields) {
  const body = new URLSearchParams({ ...fields, token });
  const answer = await fetch(action, { method: "POST", body, headers: { Accept: "application/json" } });
  const type = answer.headers.get("Content-Type") || "";
  return type.includes("json") ? answer.json() : { fault: await answer.text() };
}

async function act(action, fields, undone) {
  let done;
  try { done = await send(action, fields); } catch { done = { fault: "The page has lost its server; nothing was changed." }; }
  if (done.fault) { say(done.fault); return; }
  const back = done.group ? ["/say/unname_group", { group: done.group }] : ["/say/undo", { face: done.face }];
  if (undone || !(done.group || done.face)) say(done.text);
  else say(done.text, "Undo", () => act(...back, true));
  document.activeElement?.blur?.();
  if (fields.face) document.getElementById(`face-${fields.face}`)?.focus();
  look();
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-act]");
  if (!form) return;
  event.preventDefault();
  act(form.getAttribute("action"), Object.fromEntries(new FormData(form)));
});

// Photographs: dropped anywhere on the form; too many bytes are not sent at all.
for (const form of document.querySelectorAll("form[data-photographs]")) {
  const files = form.querySelector("input[type=file]");
  const all = () => [...form.querySelectorAll("input[type=file]")].flatMap((one) => [...one.files]);
  const over = (event) => { event.preventDefault(); form.classList.add("over"); };
  form.addEventListener("dragover", over);
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (event.dataTransfer.files.length) files.files = event.dataTransfer.files;
  });
  form.addEventListener("submit", (event) => {
    const size = all().reduce((sum, file) => sum + file.size, 0);
    if (size > Number(form.dataset.most)) {
      event.preventDefault();
      say(`These are ${Math.round(size / 1e6)} MB; send at most ${Math.round(form.dataset.most / 1e6)} MB at once.`);
    }
  });
}
// What takes a while says so, and is not sent twice.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-wait]");
  if (!form || event.defaultPrevented) return;
  say(form.dataset.wait);
  // A disabled button would not be sent.
  setTimeout(() => { for (const button of form.querySelectorAll("button")) button.disabled = true; });
});
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form[data-wait] button")) button.disabled = false;
  if (said.textContent.endsWith("…")) say("");
});

function chosenFace() {
  return document.activeElement?.closest("[data-face]") || document.querySelector("[data-face]");
}

function faceKey(event) {
  const faces = [...document.querySelectorAll("[data-face]")];
  if (!faces.length) return false;
  const face = chosenFace();
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (step && document.activeElement?.closest("[data-face]")) {
    const next = faces[faces.indexOf(face) + step];
    if (next) { next.focus(); seek(next.dataset.seek); }
    return true;
  }
  if (step === 1) { faces[0].focus(); return event.key === "j"; }
  const names = JSON.parse(document.getElementById("names").dataset.first);
  const name = names[Number(event.key) - 1];
  if (/^[1-9]$/.test(event.key) && name) act("/say/is", { face: face.dataset.face, name });
  else if (event.key === "x") face.querySelector("[data-key-act=x]")?.form.requestSubmit();
  else if (event.key === "n") face.querySelector("input[name=name]:not([type=hidden])")?.focus();
  else if (event.key === "z") act("/say/undo", { face: face.dataset.face }, true);
  else return false;
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  if (event.key === "/") {
    const find = document.querySelector("input[type=search]");
    if (find) { find.focus(); event.preventDefault(); }
  } else if (faceKey(event)) event.preventDefault();
});

localTimes(document);
if (parts.length) { parts.forEach(remember); follow(); }
