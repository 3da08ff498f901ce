import { INSIDE } from "./forwarder.ts";

/**
 * What Node loads before a job's own code, because before version 24 its clients ignore the variables
 * that name a proxy: https goes by CONNECT, so that a refusal can be read; plain http goes to where
 * the Host header decides. What asks for loopback stays there.
 */
export const NODE_PRELOAD = `"use strict";
const http = require("node:http");
const https = require("node:https");
const net = require("node:net");
const tls = require("node:tls");

const isLoopback = (host) => /^(localhost|127(\\.\\d+){3}|\\[?::1\\]?)$/i.test(host);

const tunnel = (host, port, done) => {
  const socket = net.connect({ host: "${INSIDE.proxyHost}", port: ${INSIDE.proxyPort} });
  const authority = (host.includes(":") ? "[" + host + "]" : host) + ":" + port;
  let text = "";
  const fail = (error) => {
    socket.destroy();
    done(error);
  };
  const early = () => fail(new Error("openshell: the proxy ended the connection"));
  const read = (chunk) => {
    text += chunk.toString("latin1");
    const end = text.indexOf("\\r\\n\\r\\n");
    if (end === -1) return;
    if (/^HTTP\\/1\\.1 200 /.test(text)) {
      socket.off("error", fail).off("end", early).off("data", read);
      socket.pause();
      return done(null, socket);
    }
    const length = Number(/^content-length: *(\\d+)/im.exec(text)?.[1] ?? 0);
    if (text.length < end + 4 + length) return;
    const error = new Error(text.slice(end + 4).trim());
    error.code = "ERR_EGRESS_REFUSED";
    fail(error);
  };
  socket.on("error", fail).on("end", early).on("data", read);
  socket.write("CONNECT " + authority + " HTTP/1.1\\r\\nHost: " + authority + "\\r\\n\\r\\n");
};

const plain = http.Agent.prototype.createConnection;
http.Agent.prototype.createConnection = function (options, done) {
  if (options.socketPath || isLoopback(String(options.host))) return plain.call(this, options, done);
  return net.connect({ host: "${INSIDE.directHost}", port: 80 });
};

const secure = https.Agent.prototype.createConnection;
https.Agent.prototype.createConnection = function (options, done) {
  const { host, port } = options;
  if (options.socketPath || options.socket || isLoopback(String(host))) {
    return secure.call(this, options, done);
  }
  tunnel(String(host), port || 443, (error, socket) => {
    if (error) done(error);
    else done(null, secure.call(this, { ...options, socket }));
  });
};

// fetch has connections of its own, made by a class that is only to be had from a live one.
const DISPATCHER = Symbol.for("undici.globalDispatcher.1");
const connect = (options, done) => {
  const { hostname, protocol, servername } = options;
  const isSecure = protocol === "https:";
  const port = Number(options.port) || (isSecure ? 443 : 80);
  const begin = (socket, event) => {
    const settle = (error) => {
      socket.off(event, settle).off("error", settle);
      if (error) done(error);
      else done(null, socket);
    };
    socket.on(event, settle).on("error", settle);
  };
  const overTls = (socket) =>
    begin(tls.connect({ socket, servername: servername || hostname, ALPNProtocols: ["http/1.1"] }), "secureConnect");
  if (isLoopback(hostname)) {
    const direct = net.connect({ host: hostname.replace(/[[\\]]/g, ""), port });
    if (isSecure) overTls(direct);
    else begin(direct, "connect");
  } else if (isSecure) {
    tunnel(hostname, port, (error, socket) => (error ? done(error) : overTls(socket)));
  } else {
    begin(net.connect({ host: "${INSIDE.directHost}", port: 80 }), "connect");
  }
};

const original = globalThis.fetch;
let isReady = false;
globalThis.fetch = function fetch(input, init) {
  if (!isReady) {
    isReady = true;
    void globalThis.Response; // loads the client, which makes its first dispatcher
    const Dispatcher = globalThis[DISPATCHER]?.constructor;
    if (Dispatcher) globalThis[DISPATCHER] = new Dispatcher({ connect });
  }
  return original(input, init);
};
`;
