//! What the service manager is told (sd_notify): ready, reloading, stopping.

use std::{ffi::OsStr, io};

use crate::render;

/// The variable with the socket of the service manager; nobody listens where it is not set.
pub(in crate::commands) const SOCKET: &str = "NOTIFY_SOCKET";

/// The service does what it is for from now on.
pub(in crate::commands) const READY: &str = "READY=1";
/// The service ends.
pub(in crate::commands) const STOPPING: &str = "STOPPING=1";

/// Tells it, if there is one; that it was not told is said in the log.
pub(in crate::commands) fn tell_manager(state: &str) {
    if let Err(error) = notify(state) {
        render::log(&format!("the service manager was not told {state}: {error}"));
    }
}

#[expect(clippy::disallowed_methods, reason = "the service manager names its socket in the environment")]
fn notify(state: &str) -> io::Result<()> {
    match std::env::var_os(SOCKET) {
        Some(socket) if !socket.is_empty() => send(&socket, state),
        _ => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    use std::os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    };

    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let sender = UnixDatagram::unbound()?;
    sender.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn send(_socket: &OsStr, _state: &str) -> io::Result<()> {
    Ok(())
}
