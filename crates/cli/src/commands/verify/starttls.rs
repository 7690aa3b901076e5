//! What is said on a connection before TLS begins on it: the start of each protocol, and not a word more.

use std::io::{self, Read, Write};

use clap::ValueEnum;

/// The longest line of a server, and the most of them.
const MAX_LINE: usize = 4_096;
const MAX_LINES: usize = 100;
/// The longest packet of a database.
const MAX_PACKET: usize = 4_096;

/// A protocol that begins without TLS.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum StartTls {
    /// Mail to a server (RFC 3207)
    Smtp,
    /// Mail from a server (RFC 9051)
    Imap,
    /// The same, older (RFC 2595)
    Pop3,
    /// Directories (RFC 4511, section 4.14)
    Ldap,
    /// PostgreSQL's SSLRequest
    Postgres,
    /// MySQL's SSLRequest
    Mysql,
}

impl StartTls {
    /// The port that it has by custom.
    pub(super) fn port(self) -> u16 {
        match self {
            Self::Smtp => 25,
            Self::Imap => 143,
            Self::Pop3 => 110,
            Self::Ldap => 389,
            Self::Postgres => 5432,
            Self::Mysql => 3306,
        }
    }

    /// Asks for TLS; the next byte on the connection is TLS's.
    pub(super) fn ask(self, mut stream: impl Read + Write) -> io::Result<()> {
        let stream = &mut stream;
        match self {
            Self::Smtp => {
                reply(stream, "220")?;
                stream.write_all(b"EHLO localhost\r\n")?;
                let offers = reply(stream, "250")?;
                if !offers
                    .iter()
                    .any(|line| line.get(4..).is_some_and(|word| word.eq_ignore_ascii_case("STARTTLS")))
                {
                    return Err(refused("the server does not offer STARTTLS"));
                }
                stream.write_all(b"STARTTLS\r\n")?;
                reply(stream, "220").map(drop)
            }
            Self::Imap => {
                expect(&line(stream)?, "* OK")?;
                stream.write_all(b"a1 STARTTLS\r\n")?;
                for _ in 0..MAX_LINES {
                    let line = line(stream)?;
                    if !line.starts_with("* ") {
                        return expect(&line, "a1 OK");
                    }
                }
                Err(refused("the server says more than it should"))
            }
            Self::Pop3 => {
                expect(&line(stream)?, "+OK")?;
                stream.write_all(b"STLS\r\n")?;
                expect(&line(stream)?, "+OK")
            }
            Self::Ldap => ldap(stream),
            Self::Postgres => {
                // The length, then the number of the request.
                stream.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])?;
                let mut answer = [0];
                stream.read_exact(&mut answer)?;
                if answer == *b"S" { Ok(()) } else { Err(refused("the server does not offer TLS")) }
            }
            Self::Mysql => mysql(stream),
        }
    }
}

fn refused(reason: &str) -> io::Error {
    io::Error::other(reason.to_owned())
}

/// One line, byte by byte: what follows it may be TLS's already.
fn line(stream: &mut impl Read) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < MAX_LINE {
        stream.read_exact(&mut byte)?;
        match byte {
            [b'\n'] => return Ok(String::from_utf8_lossy(&line).trim_end().to_owned()),
            [other] => line.push(other),
        }
    }
    Err(refused("the server's line is too long"))
}

fn expect(line: &str, start: &str) -> io::Result<()> {
    if line.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start)) {
        Ok(())
    } else {
        Err(refused(&format!("the server says \"{}\"", strongroom::certificate::printable(line))))
    }
}

/// All lines of a reply of SMTP (RFC 5321, section 4.2.1).
fn reply(stream: &mut impl Read, code: &str) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    while lines.len() < MAX_LINES {
        let line = line(stream)?;
        expect(&line, code)?;
        let more = line.as_bytes().get(3) == Some(&b'-');
        lines.push(line);
        if !more {
            return Ok(lines);
        }
    }
    Err(refused("the server says more than it should"))
}

fn ldap(stream: &mut (impl Read + Write)) -> io::Result<()> {
    const OID: &[u8] = b"1.3.6.1.4.1.1466.20037";
    // LDAPMessage, number 1, ExtendedRequest with its name.
    stream.write_all(&[0x30, 29, 0x02, 1, 1, 0x77, 24, 0x80, 22])?;
    stream.write_all(OID)?;
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    let length = match head {
        [0x30, short @ 0..=0x7f] => usize::from(short),
        [0x30, long @ 0x81..=0x84] => {
            let mut length = 0_usize;
            for _ in 0x80..long {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                length = length << 8 | usize::from(byte[0]);
            }
            length
        }
        _ => return Err(refused("the server does not speak LDAP")),
    };
    if length > MAX_PACKET {
        return Err(refused("the server's answer is too long"));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    // messageID, then ExtendedResponse, whose first field is resultCode.
    let response = body.get(3..).and_then(|rest| match rest {
        [0x78, 0x00..=0x7f, rest @ ..] => Some(rest),
        [0x78, long @ 0x81..=0x84, rest @ ..] => rest.get(usize::from(*long - 0x80)..),
        _ => None,
    });
    match response {
        Some([0x0a, 1, 0, ..]) => Ok(()),
        Some([0x0a, 1, code, ..]) => Err(refused(&format!("the server refuses TLS with result code {code}"))),
        _ => Err(refused("the server's answer is not one to StartTLS")),
    }
}

fn mysql(stream: &mut (impl Read + Write)) -> io::Result<()> {
    const PROTOCOL_41: u32 = 0x0200;
    const SSL: u32 = 0x0800;
    const SECURE: u32 = 0x8000;
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let [a, b, c, _] = head;
    let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
    if length > MAX_PACKET {
        return Err(refused("the server's greeting is too long"));
    }
    let mut greeting = vec![0; length];
    stream.read_exact(&mut greeting)?;
    // Version 10: the server's name ends with a zero byte, then come its thread, 8 bytes, a zero, and what it can do.
    let name = greeting.iter().position(|byte| *byte == 0).filter(|_| greeting.first() == Some(&10));
    let able = name.and_then(|end| greeting.get(end + 14..end + 16));
    let Some([low, high]) = able else {
        return Err(refused("the server does not greet as MySQL does"));
    };
    if u32::from(u16::from_le_bytes([*low, *high])) & SSL == 0 {
        return Err(refused("the server does not offer TLS"));
    }
    // SSLRequest: what we can do, the largest packet, utf8mb4, and 23 zeros.
    let mut request = vec![32, 0, 0, 1];
    request.extend((PROTOCOL_41 | SSL | SECURE).to_le_bytes());
    request.extend(0x0100_0000_u32.to_le_bytes());
    request.push(45);
    request.extend([0; 23]);
    stream.write_all(&request)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says what it has to say, whatever it hears.
    struct Script<'s> {
        says: &'s [u8],
        heard: Vec<u8>,
    }

    impl Read for Script<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.says.read(buffer)
        }
    }

    impl Write for Script<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is heard, and what is left for TLS.
    fn ask(protocol: StartTls, says: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
        let mut script = Script { says, heard: Vec::new() };
        protocol.ask(&mut script).map_err(|error| error.to_string())?;
        Ok((script.heard, script.says.to_vec()))
    }

    fn greeting(able: u16) -> Vec<u8> {
        let mut body = b"\x0a8.0.36\0".to_vec();
        body.extend([1, 0, 0, 0]);
        body.extend([7; 8]);
        body.push(0);
        body.extend(able.to_le_bytes());
        body.extend([45, 2, 0, 0xff, 0xc1, 21]);
        [&[u8::try_from(body.len()).unwrap(), 0, 0, 0], body.as_slice()].concat()
    }

    #[test]
    fn each_protocol_is_begun_in_its_own_words_and_leaves_the_rest_to_tls() {
        let smtp =
            b"220-mail ESMTP\r\n220 ready\r\n250-mail\r\n250-SIZE 1\r\n250 STARTTLS\r\n220 go\r\n\x16\x03";
        assert_eq!(
            ask(StartTls::Smtp, smtp),
            Ok((b"EHLO localhost\r\nSTARTTLS\r\n".to_vec(), b"\x16\x03".to_vec()))
        );
        let imap = b"* OK ready\r\n* CAPABILITY IMAP4rev1\r\na1 OK begin\r\n\x16";
        assert_eq!(ask(StartTls::Imap, imap), Ok((b"a1 STARTTLS\r\n".to_vec(), b"\x16".to_vec())));
        assert_eq!(
            ask(StartTls::Pop3, b"+OK hi\r\n+OK go\r\n\x16"),
            Ok((b"STLS\r\n".to_vec(), b"\x16".to_vec()))
        );
        let (heard, rest) =
            ask(StartTls::Ldap, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00\x16").unwrap();
        assert_eq!((heard.len(), heard[1], rest.as_slice()), (31, 29, b"\x16".as_slice()));
        assert!(
            ask(
                StartTls::Ldap,
                b"\x30\x84\0\0\0\x10\x02\x01\x01\x78\x84\0\0\0\x07\x0a\x01\x00\x04\x00\x04\x00"
            )
            .is_ok()
        );
        assert_eq!(ask(StartTls::Postgres, b"S\x16").unwrap().1, b"\x16");
        let (heard, _) = ask(StartTls::Mysql, &greeting(0xffff)).unwrap();
        assert_eq!((heard.len(), &heard[..4]), (36, [32, 0, 0, 1].as_slice()));
    }

    #[test]
    fn a_server_that_says_no_is_quoted() {
        for (protocol, says, reason) in [
            (StartTls::Smtp, b"554 go away\r\n".as_slice(), "the server says \"554 go away\""),
            (StartTls::Smtp, b"220 x\r\n250 SIZE\r\n", "the server does not offer STARTTLS"),
            (StartTls::Imap, b"* OK x\r\na1 NO \x1b[31m\r\n", "the server says \"a1 NO \\u{1b}[31m\""),
            (StartTls::Pop3, b"+OK\r\n-ERR no\r\n", "the server says \"-ERR no\""),
            (
                StartTls::Ldap,
                b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00",
                "the server refuses TLS with result code 52",
            ),
            (StartTls::Ldap, b"HTTP/1.1 400", "the server does not speak LDAP"),
            (StartTls::Ldap, b"\x30\x84\xff\xff\xff\xff", "the server's answer is too long"),
            (StartTls::Postgres, b"N", "the server does not offer TLS"),
            (StartTls::Mysql, &greeting(0xf7ff), "the server does not offer TLS"),
            (StartTls::Mysql, b"\x05\0\0\0hello", "the server does not greet as MySQL does"),
        ] {
            assert_eq!(ask(protocol, says).unwrap_err(), reason);
        }
        assert!(ask(StartTls::Pop3, &[b'x'; 5_000]).unwrap_err().contains("too long"));
        assert!(ask(StartTls::Smtp, &b"220-x\r\n".repeat(200)).unwrap_err().contains("more than it should"));
    }
}
