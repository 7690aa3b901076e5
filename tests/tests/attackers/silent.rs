//! Connections that stay silent at some stage.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use strongroom_tests::https::{Https, Tls, get};

use super::bystander::{IMPORT, Site, scale, stranger};

/// Where a connection stops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Tcp,
    ClientHello,
    AfterTls,
    PartialHeader,
    Http2Preface,
    Body,
    UnreadAnswers,
}

impl Stage {
    const ALL: [Self; 7] = [
        Self::Tcp,
        Self::ClientHello,
        Self::AfterTls,
        Self::PartialHeader,
        Self::Http2Preface,
        Self::Body,
        Self::UnreadAnswers,
    ];
}

/// A connection that is held open.
struct Held {
    stage: Stage,
    socket: TcpStream,
    since: Instant,
    /// Keeps the state of TLS.
    _tls: Option<Tls>,
}

impl Held {
    fn open(https: &Https, stage: Stage, n: usize) -> io::Result<Self> {
        let from = stranger(n);
        let since = Instant::now();
        if matches!(stage, Stage::Tcp | Stage::ClientHello) {
            let mut socket = https.tcp(from)?;
            if stage == Stage::ClientHello {
                socket.write_all(b"\x16\x03\x01\x02\x00\x01\x00")?;
            }
            return Ok(Self { stage, socket, since, _tls: None });
        }
        let mut tls = https.connect(from)?;
        match stage {
            Stage::PartialHeader => {
                tls.write_all(format!("GET / HTTP/1.1\r\nHost: x\r\nX-A: {}", "a".repeat(8_000)).as_bytes())?;
            }
            Stage::Http2Preface => tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")?,
            Stage::Body => tls.write_all(
                format!("POST {IMPORT} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\na=b").as_bytes(),
            )?,
            Stage::UnreadAnswers => {
                tls.sock.set_write_timeout(Some(Duration::from_millis(200)))?;
                let many = get("/arcgis/portaladmin/login").repeat(100);
                // Until the server takes no more, since nobody reads what it answers.
                for _ in 0..200 {
                    if tls.write_all(&many).is_err() {
                        break;
                    }
                }
            }
            _ => {}
        }
        let socket = tls.sock.try_clone()?;
        Ok(Self { stage, socket, since, _tls: Some(tls) })
    }

    /// Whether the server has closed it.
    fn is_closed(&self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        let mut socket = &self.socket;
        if self.stage == Stage::UnreadAnswers {
            // Reading would make room for more answers; writing to what is closed fails.
            return match socket.write(&[0]) {
                Ok(_) => false,
                Err(error) => error.kind() != io::ErrorKind::WouldBlock,
            };
        }
        let mut buffer = [0; 4_096];
        loop {
            match socket.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }
}

#[test]
fn each_is_let_go_within_thirty_seconds() {
    let site = Site::open();
    let mut held: Vec<Held> = Vec::new();
    for (n, stage) in Stage::ALL.into_iter().enumerate() {
        held.push(Held::open(&site.https, stage, n).unwrap_or_else(|error| panic!("{stage:?}: {error}")));
    }
    let kept = |held: &Held| !held.is_closed();
    while !held.is_empty() {
        held.retain(kept);
        for open in &held {
            let open_for = open.since.elapsed();
            assert!(open_for < Duration::from_secs(35), "{:?} is open after {open_for:?}", open.stage);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn many_at_any_stage_do_not_keep_an_administrator_from_working() {
    let (count, hold) = scale((2_000, 30), (60, 1));
    let site = Site::open();
    for stage in Stage::ALL {
        let mut held = Vec::new();
        let (https, count) = (&site.https, if stage == Stage::UnreadAnswers { count / 10 } else { count });
        site.during(|_: &AtomicBool| {
            for n in 0..count {
                // The server may have no place for it.
                held.extend(Held::open(https, stage, n));
            }
            std::thread::sleep(Duration::from_secs(hold));
        });
        assert!(held.len() >= count / 2, "{stage:?}: {} of {count} came that far", held.len());
        if scale(true, false) {
            let begun = Instant::now();
            while held.iter().any(|held| !held.is_closed()) {
                assert!(begun.elapsed() < Duration::from_secs(60), "{stage:?}: not all are released");
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    }
}

#[test]
fn rush_of_attackers_who_come_again_and_again_leaves_places() {
    let (threads, seconds) = scale((8, 60), (3, 4));
    let site = Site::open();
    let https = &site.https;
    site.during(|_: &AtomicBool| {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let over = &over;
                scope.spawn(move || {
                    let mut held = std::collections::VecDeque::new();
                    for n in 0_usize.. {
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                        held.extend(https.tcp(stranger(thread * 1_000 + n % 1_000)));
                        if held.len() > 250 {
                            held.pop_front();
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_secs(seconds));
            over.store(true, Ordering::Relaxed);
        });
    });
}
