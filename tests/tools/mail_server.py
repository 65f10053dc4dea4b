#!/usr/bin/env python3
"""A mail server on loopback for tests: takes mails with the library aiosmtpd and writes each as one line of JSON.

mail_server.py PORT FILE [--starttls | --tls] [--certificate CERT KEY] [--user NAME:PASSWORD] [--busy N]
  --starttls   offers STARTTLS and takes nothing before it
  --tls        begins with TLS
  --user       takes mails of this user only
  --busy N     answers the first N mails with 451
Mail for nobody@… is refused.
"""
import argparse
import asyncio
import email
import email.policy
import json
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Mailbox:
    def __init__(self, path, busy):
        self.path, self.busy = path, busy

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.busy > 0:
            self.busy -= 1
            return "451 4.3.0 try again later"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
        got = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name.lower(): str(value) for name, value in mail.items()},
            "parts": parts,
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "ehlo": session.host_name,
        }
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(got) + "\n")
        return "250 2.0.0 queued as 42"


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("file")
    parser.add_argument("--starttls", action="store_true")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--certificate", nargs=2)
    parser.add_argument("--user")
    parser.add_argument("--busy", type=int, default=0)
    args = parser.parse_args()
    context = None
    if args.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*args.certificate)

    def authenticate(server, session, envelope, mechanism, data):
        is_known = f"{data.login.decode()}:{data.password.decode()}" == args.user
        return AuthResult(success=is_known, handled=False, auth_data=data)

    mailbox = Mailbox(args.file, args.busy)

    def session():
        return SMTP(
            mailbox,
            hostname="mail.test",
            tls_context=context if args.starttls else None,
            require_starttls=args.starttls,
            authenticator=authenticate if args.user else None,
            auth_required=args.user is not None,
            auth_require_tls=args.starttls,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", args.port, ssl=context if args.tls else None)
    async with server:
        await server.serve_forever()


asyncio.run(main())
