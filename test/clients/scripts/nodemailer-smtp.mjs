// SPDX-License-Identifier: Apache-2.0
//
// nodemailer over SMTP: STARTTLS with AUTH PLAIN, and TLS from the first byte with AUTH
// LOGIN. The server's certificate is verified against the CA in NODE_EXTRA_CA_CERTS.
// Prints one line of JSON for each mail that it sends.

import assert from "node:assert/strict";
import nodemailer from "nodemailer";

const { SESAME_SMTP, SESAME_SMTPS, SESAME_SMTP_USER: user, SESAME_SMTP_PASSWORD: pass } = process.env;
const port = (address) => Number(address.split(":").pop());

async function send(name, subject, options) {
  const transport = nodemailer.createTransport({ host: "localhost", auth: { user, pass }, ...options });
  assert.equal(await transport.verify(), true);
  const info = await transport.sendMail({
    from: "sender@example.com",
    to: "to@example.net",
    subject,
    text: "Sent over SMTP.",
    html: "<p>Sent over SMTP.</p>",
  });
  assert.deepEqual(info.rejected, []);
  const [, id] = info.response.match(/^250 Ok (\S+)$/);
  console.log(JSON.stringify({ case: name, MessageId: id }));
}

await send("nodemailer starttls", "nodemailer, STARTTLS", {
  port: port(SESAME_SMTP),
  requireTLS: true,
  authMethod: "PLAIN",
});
await send("nodemailer tls", "nodemailer, TLS", {
  port: port(SESAME_SMTPS),
  secure: true,
  authMethod: "LOGIN",
});

const wrong = nodemailer.createTransport({
  host: "localhost",
  port: port(SESAME_SMTP),
  requireTLS: true,
  auth: { user, pass: "wrong" },
});
await assert.rejects(wrong.verify(), { code: "EAUTH", responseCode: 535 });
