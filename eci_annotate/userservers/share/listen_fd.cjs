// Loaded before configurable-http-proxy: its public server listens on a socket that the parent process holds,
// so that no other program can take the port while the proxy or the hub restarts.
"use strict";
const http = require("node:http");
const { Server } = require("node:net");
const usualListen = Server.prototype.listen;
const fd = Number(process.env.ECI_PUBLIC_FD);
delete process.env.ECI_PUBLIC_FD;
let given = false;
Server.prototype.listen = function (...where) {
  if (given || typeof where[0] !== "number") return usualListen.apply(this, where);
  given = true;
  return usualListen.call(this, { fd });
};

// On a unix socket the last, empty write of a request fails when the other side has answered and closed already. The
// proxy then says 503 in place of the answer. So it asks the other side to leave closing to the proxy.
const usualRequest = http.request;
http.request = function (...what) {
  for (const one of what) {
    if (one && one.socketPath && one.headers && one.headers.connection === "close") one.headers.connection = "keep-alive";
  }
  return usualRequest.apply(this, what);
};
