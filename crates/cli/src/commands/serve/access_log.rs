//! The access log: one JSON object a line for each request, and no secret in it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use axum::{
    http::{Method, Uri},
    response::Response,
};
use serde::Serialize;
use strongroom::instant::{rfc3339, seconds};
use strongroom_api::{Answered, Refusal};

use super::super::now;
use crate::render;

/// Lines that wait for the disk; beyond, they are counted and not written.
const WAITING: usize = 4_096;
/// How much of a path is written, in characters.
const MAX_PATH: usize = 512;

/// Where the access log goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum LogTarget {
    Stdout,
    File(PathBuf),
}

impl From<&Path> for LogTarget {
    fn from(path: &Path) -> Self {
        if path == Path::new("-") { Self::Stdout } else { Self::File(path.to_owned()) }
    }
}

/// One request.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    time: String,
    method: String,
    /// Without the query: a token or a password may stand there.
    path: String,
    /// Of HTTP.
    status: u16,
    /// The code inside the answer, where the API answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    user: Option<String>,
    /// Why somebody was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'static str>,
    address: IpAddr,
    milliseconds: u64,
}

impl Line {
    pub(super) fn new(method: &Method, uri: &Uri, address: IpAddr) -> Self {
        Self {
            time: rfc3339(seconds(now())),
            method: method.as_str().chars().take(32).collect(),
            path: uri.path().chars().take(MAX_PATH).collect(),
            status: 0,
            code: None,
            user: None,
            refused: None,
            address,
            milliseconds: 0,
        }
    }

    /// With what became of the request.
    pub(super) fn finish(mut self, response: &Response, took: Duration) -> Self {
        self.status = response.status().as_u16();
        if let Some(answered) = response.extensions().get::<Answered>() {
            self.code = Some(answered.code);
            self.user.clone_from(&answered.user);
            self.refused = answered.refusal.map(Refusal::as_str);
        }
        self.milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self
    }
}

enum Message {
    Line(Line),
    /// The file was moved away; go on with another one of its name.
    Reopen,
    Close,
}

/// Writes lines on a thread of its own: no request waits for the disk.
#[derive(Clone)]
pub(super) struct AccessLog {
    sender: SyncSender<Message>,
    /// Lines that found no room.
    lost: Arc<AtomicU64>,
}

impl AccessLog {
    /// Opens the file, and makes it if there is none.
    pub(super) fn open(target: LogTarget) -> io::Result<(Self, JoinHandle<()>)> {
        let mut output = Output::open(&target)?;
        let (sender, receiver) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_all(&receiver, &target, &mut output, &counted))?;
        Ok((Self { sender, lost }, thread))
    }

    pub(super) fn write(&self, line: Line) {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Message::Line(line)) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Goes on in a file of the same name, after the former one was moved away. May wait for the disk.
    pub(super) fn reopen(&self) {
        let _ = self.sender.send(Message::Reopen);
    }

    /// Ends it, after all that waits. May wait for the disk.
    pub(super) fn close(&self) {
        let _ = self.sender.send(Message::Close);
    }
}

enum Output {
    Stdout(io::Stdout),
    File(File),
}

impl Output {
    fn open(target: &LogTarget) -> io::Result<Self> {
        match target {
            LogTarget::Stdout => Ok(Self::Stdout(io::stdout())),
            LogTarget::File(path) => Ok(Self::File(OpenOptions::new().append(true).create(true).open(path)?)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.write_all(bytes).and_then(|()| stdout.flush()),
            Self::File(file) => file.write_all(bytes),
        }
    }
}

fn write_all(receiver: &Receiver<Message>, target: &LogTarget, output: &mut Output, lost: &AtomicU64) {
    let mut failing = false;
    for message in receiver {
        let done = match message {
            Message::Line(line) => {
                let missing = lost.swap(0, Ordering::Relaxed);
                if missing > 0 {
                    render::log(&format!(
                        "{missing} lines of the access log found no room and were left out"
                    ));
                }
                let mut text = serde_json::to_vec(&line).unwrap_or_default();
                text.push(b'\n');
                output.write(&text)
            }
            Message::Reopen => Output::open(target).map(|opened| *output = opened),
            Message::Close => return,
        };
        match done {
            Ok(()) if failing => {
                failing = false;
                render::log("the access log can be written again");
            }
            // Said once, not for each request.
            Err(error) if !failing => {
                failing = true;
                render::log(&format!("the access log cannot be written: {error}"));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::StatusCode};

    use super::*;

    fn line(uri: &str) -> Line {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        let uri: Uri = uri.parse().unwrap();
        Line::new(&Method::POST, &uri, [127, 0, 0, 2].into()).finish(&response, Duration::from_millis(7))
    }

    #[test]
    fn line_has_no_query_and_is_one_line() {
        let text = serde_json::to_string(&line("/arcgis/x%0Ay?token=secret&f=json")).unwrap();
        assert!(!text.contains("secret") && !text.contains('\n'), "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["path"], "/arcgis/x%0Ay");
        assert_eq!((&value["status"], &value["milliseconds"]), (&404.into(), &7.into()));
        assert_eq!((&value["address"], &value["method"]), (&"127.0.0.2".into(), &"POST".into()));
        assert!(value["user"].is_null() && value.get("code").is_none());
    }

    #[test]
    fn log_goes_on_in_a_new_file_after_the_old_one_was_moved_away() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
        let (log, thread) = AccessLog::open(path.as_path().into()).unwrap();
        log.write(line("/first"));
        // Written, since the thread takes one message after the other.
        log.reopen();
        while !std::fs::read_to_string(&path).unwrap().ends_with('\n') {
            std::thread::yield_now();
        }
        std::fs::rename(&path, &old).unwrap();
        log.reopen();
        log.write(line("/second"));
        log.close();
        thread.join().unwrap();
        let text = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert!(text(&old).contains("/first") && !text(&old).contains("/second"));
        assert!(text(&path).contains("/second") && text(&path).lines().count() == 1);
    }
}
