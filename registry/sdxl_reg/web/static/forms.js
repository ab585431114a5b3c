// Forms that tell the API: their fields are the members of a JSON object; then the page is new.

for (const form of document.querySelectorAll("form[data-post], form[data-put]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const said = await told(form);
      if ("showsSecret" in form.dataset) showSecret(said.secret);
      else if (form.dataset.leads) location.assign(form.dataset.leads);
      else location.reload();
    } catch (error) {
      const place = document.querySelector("[data-fault]");
      showFault(place, error);
      place.scrollIntoView({ block: "nearest" });
    } finally {
      button.disabled = false;
    }
  });
}

/** The answer to a form; `{alias}` in its address is its field of that name. */
function told(form) {
  if (form.dataset.post) return asked(form.dataset.post, bodyOf(form));
  const body = bodyOf(form);
  const address = form.dataset.put.replace(/\{(\w+)\}/g, (_, name) => {
    const value = body[name] ?? "";
    delete body[name];
    return encodeURIComponent(value);
  });
  return asked(address, body, "PUT");
}

/** What a form says: empty fields are left out, `roles.x` stands in `roles`, empty there for none. */
function bodyOf(form) {
  const body = {};
  for (const [name, value] of new FormData(form)) {
    if (name.startsWith("roles.")) body.roles = { ...body.roles, [name.slice(6)]: value || null };
    else if ("null" in form.elements[name].dataset) body[name] = null;
    else if (value !== "") body[name] = plain(form.elements[name], value);
  }
  if (!("role" in form.dataset)) return body;
  const { project, role, ...rest } = body;
  return { ...rest, roles: { [project]: role } };
}

function plain(field, value) {
  if (field.type === "number" || "number" in field.dataset) return Number(value);
  return { true: true, false: false }[value] ?? value;
}

/** A secret is told once, so the page stays as it is until somebody has it. */
function showSecret(secret) {
  const place = document.querySelector("[data-secret]");
  const value = place.querySelector("[data-value]");
  value.textContent = secret;
  place.hidden = false;
  place.querySelector("[data-copy]").onclick = (event) => copyFrom(value, event.currentTarget);
  place.scrollIntoView({ block: "nearest" });
}
