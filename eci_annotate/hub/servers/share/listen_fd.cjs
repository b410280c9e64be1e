// Loaded before configurable-http-proxy: its public server listens on a socket that the parent process holds,
// so that no other program can take the port while the proxy or the hub restarts.
"use strict";
const { Server } = require("node:net");
const usual = Server.prototype.listen;
const fd = Number(process.env.ECI_PUBLIC_FD);
delete process.env.ECI_PUBLIC_FD;
let given = false;
Server.prototype.listen = function (...where) {
  if (given || typeof where[0] !== "number") return usual.apply(this, where);
  given = true;
  return usual.call(this, { fd });
};
