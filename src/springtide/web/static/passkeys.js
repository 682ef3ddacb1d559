// Passkeys: a form with data-passkey="create" or "get" asks the browser, then carries its answer.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(
    atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const letters = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const asked = (options) => {
    const publicKey = { ...options, challenge: bytes(options.challenge) };
    if (options.user) publicKey.user = { ...options.user, id: bytes(options.user.id) };
    for (const name of ["allowCredentials", "excludeCredentials"]) {
      if (options[name]) publicKey[name] = options[name].map((each) => ({ ...each, id: bytes(each.id) }));
    }
    return { publicKey };
  };

  const told = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      const value = credential.response[name];
      if (value) response[name] = letters(value);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return JSON.stringify({
      id: credential.id, rawId: letters(credential.rawId), type: credential.type, response,
      clientExtensionResults: credential.getClientExtensionResults(),
    });
  };

  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    const failed = form.querySelector("[data-passkey-failed]");
    const button = form.querySelector("button");
    if (!window.PublicKeyCredential) { button.disabled = true; return; }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      failed.hidden = true;
      const wanted = asked(JSON.parse(form.dataset.options));
      const creating = form.dataset.passkey === "create";
      (creating ? navigator.credentials.create(wanted) : navigator.credentials.get(wanted))
        .then((credential) => { form.elements.answer.value = told(credential); form.submit(); })
        .catch(() => { failed.hidden = false; delete form.dataset.sent; });
    });
  });
})();
