//! Of entries, the servers that show them, and their versions.

use super::Examples;

pub(super) const EXAMPLES: &[Examples] = &[
    (
        "ls",
        &[
            ("strongroom ls", "all entries"),
            ("strongroom --json ls", "the same for a program"),
            ("strongroom ls -l", "with issuer, fingerprint, version, and who stored it"),
            ("strongroom ls --sort expires", "what ends first comes first"),
            ("strongroom ls --within 30d --issuer Example", "what ends soon, of one CA"),
            ("strongroom ls --name *.example.test", "what has a name below example.test"),
            ("strongroom ls --removed", "what was removed and can be brought back"),
        ],
    ),
    (
        "find",
        &[
            ("strongroom find www.example.test", "a name, and the wildcards that cover it"),
            ("strongroom find 03:7f:a2:11", "a serial number, or how a fingerprint begins"),
            ("strongroom find Example", "a part of an alias, a subject or an issuer"),
        ],
    ),
    (
        "show",
        &[
            ("strongroom show www", "everything about an entry but its key"),
            ("strongroom show www@1", "a former version of it"),
            ("strongroom show www --text", "every field of the certificate, with its extensions"),
            ("strongroom show www --pem", "its certificates, leaf first"),
            ("strongroom show www --served", "those that a server sends: without the root"),
        ],
    ),
    (
        "verify",
        &[
            ("strongroom verify", "every server certificate; exit 7 if one is refused"),
            ("strongroom verify www --name www.example.test", "an entry, for a host"),
            (
                "strongroom verify --leaf www.pem --anchor root.pem --intermediate issuing.pem",
                "files, without a store",
            ),
            ("strongroom verify www --at 2027-01-01T00:00:00Z", "as it will be judged then"),
            ("strongroom verify www --connect www.example.test", "whether a server sends what the store has"),
            (
                "strongroom verify mail --connect mail.example.test --starttls smtp",
                "the same of a mail server",
            ),
        ],
    ),
    ("chain", &[("strongroom chain www", "from the leaf to the anchor, and what is missing")]),
    (
        "rm",
        &[
            ("strongroom rm www", "remove an entry; strongroom undo www brings it back"),
            (
                "strongroom rm old-root --force --yes",
                "a CA in spite of the entries under it, without a question",
            ),
        ],
    ),
    (
        "doctor",
        &[
            ("strongroom doctor", "what is wrong or will be, and the command that mends it"),
            ("strongroom doctor --fix", "mend what can be mended without losing anything"),
        ],
    ),
    (
        "bind",
        &[
            ("strongroom bind www.example.test www", "of several equal entries for the host, www answers"),
            ("strongroom bind", "what is bound to what"),
        ],
    ),
    ("unbind", &[("strongroom unbind www.example.test", "the rule chooses again")]),
    (
        "why",
        &[
            ("strongroom why www.example.test", "which entry answers, and why the others do not"),
            (
                "strongroom why https://www.example.test/ --client rsa-only",
                "for a client that knows RSA alone",
            ),
            ("strongroom why --no-sni --default www", "for a client that sends no name"),
        ],
    ),
    (
        "status",
        &[
            ("strongroom status", "counts, the last change, and what each running server serves"),
            ("strongroom --json status", "the same for a program"),
            ("strongroom status --unlock none", "what servers and files say, without opening the store"),
        ],
    ),
    (
        "check",
        &[
            ("strongroom check", "what expires within 30 days, and what clients refuse already"),
            ("strongroom check www --within 14d", "one entry, and another time"),
            (
                "strongroom check --format openmetrics -o /var/lib/node_exporter/strongroom.prom",
                "for Prometheus, by a timer",
            ),
            ("strongroom check --format nagios -w 30d -c 7d", "for Nagios and Icinga"),
            ("strongroom check www --connect www.example.test", "and whether that server sends the entry"),
            (
                "strongroom check mail --connect mx1.example.test --connect mx2.example.test --starttls smtp",
                "the same of mail servers, which are asked at the same time",
            ),
            (
                "strongroom check --unlock none --accept-unproved",
                "for a monitor that has no key: what the file says, with nothing to prove it",
            ),
        ],
    ),
    (
        "watch",
        &[
            ("strongroom watch", "which entries are there, and each change from now on"),
            (
                "strongroom watch www -- /usr/local/bin/on-change",
                "run a program now, and whenever www changes; STRONGROOM_ALIAS and more say what did",
            ),
            (
                "strongroom watch --no-initial -- systemctl reload nginx",
                "for every server certificate, from the next change on",
            ),
            ("strongroom --json watch", "the same for a program: a line of JSON for each change"),
        ],
    ),
    ("rename", &[("strongroom rename www shop", "the same entry under another alias")]),
    ("history", &[("strongroom history www", "its versions, who stored them and when")]),
    (
        "diff",
        &[
            ("strongroom diff www@1 www", "what the last version changed"),
            ("strongroom diff www shop", "two entries"),
        ],
    ),
    (
        "undo",
        &[
            ("strongroom undo www", "back to what it was before its last change, or before it was removed"),
            ("strongroom undo www --to 2", "back to version 2"),
        ],
    ),
    (
        "prune",
        &[
            ("strongroom prune www", "delete its former versions, and removed entries of that alias"),
            ("strongroom prune --all --yes", "those of all entries, without a question"),
            (
                "strongroom prune --keep 3 --older-than 90d --dry-run",
                "which versions go that are neither among the last three of their entry nor younger",
            ),
            ("strongroom prune --keep 3 --older-than 90d -y", "delete them without a question, from a timer"),
        ],
    ),
];
