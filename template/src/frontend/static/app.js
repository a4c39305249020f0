const form = document.getElementById("new-goal");
const input = document.getElementById("text");
const list = document.getElementById("goals");
const listTitle = document.getElementById("list-title");
const status = document.getElementById("status");
const error = document.getElementById("error");

/** Call the API. Returns the decoded body, or null when there is none; throws what to tell the user. */
async function call(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch {
    throw new Error("the server can't be reached");
  }
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    // Not from our backend: the status below says enough.
  }
  if (!response.ok) {
    const failure = new Error(answer?.error ?? `the server answered ${response.status}`);
    failure.status = response.status;
    throw failure;
  }
  return answer;
}

/** Run an action of the user's and show its failure, if any. */
async function attempt(what, action) {
  error.textContent = "";
  try {
    await action();
  } catch (failure) {
    error.textContent = `${what}: ${failure.message}.`;
  }
}

function item(goal) {
  const text = document.createElement("span");
  text.textContent = goal.text;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Delete";
  button.setAttribute("aria-label", `Delete goal: ${goal.text}`);
  const entry = document.createElement("li");
  entry.append(text, button);
  button.addEventListener("click", async () => {
    button.disabled = true;
    await attempt("Not deleted", () => remove(goal, entry));
    button.disabled = false;
  });
  return entry;
}

/** Delete a goal and leave the keyboard focus where the user goes on. */
async function remove(goal, entry) {
  try {
    await call("DELETE", `/api/goals/${goal.id}`);
  } catch (failure) {
    // Somebody else was faster: it is gone all the same.
    if (failure.status !== 404) {
      throw failure;
    }
  }
  const neighbour = entry.nextElementSibling ?? entry.previousElementSibling;
  entry.remove();
  (neighbour?.querySelector("button") ?? listTitle).focus();
  announce(`Deleted: ${goal.text}. `);
}

function announce(news = "") {
  const count = list.children.length;
  const total = count === 0 ? "No goals yet." : count === 1 ? "1 goal." : `${count} goals.`;
  status.textContent = news + total;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  await attempt("Not added", async () => {
    const goal = await call("POST", "/api/goals", { text: input.value });
    list.prepend(item(goal));
    form.reset();
    announce(`Added: ${goal.text}. `);
  });
  button.disabled = false;
  input.focus();
});

await attempt("The goals can't be shown", async () => {
  const { goals } = await call("GET", "/api/goals");
  list.replaceChildren(...goals.map(item));
  announce();
});
if (error.textContent) {
  status.textContent = "";
}

const { version } = await call("GET", "/version");
document.getElementById("version").textContent = version;
