//! Takes connections, carries HTTP/1.1 over TLS on each, and ends what takes too long.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    connections::{Connections, Place},
    machines::Machines,
    progress::Phase,
    service::Service,
    stream::Noted,
};
use crate::render;

/// How long running requests may take when the server is told to stop.
const GRACE: Duration = Duration::from_secs(15);
/// How often it is looked for connections that are over their time.
const SWEEP: Duration = Duration::from_millis(500);
/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// Connections that the system holds until they are taken.
const BACKLOG: i32 = 1_024;

/// A socket that listens, with room for a rush.
pub(super) fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let listener = StdListener::bind(address)?;
    listener.set_nonblocking(true)?;
    // The standard library's own is too short for a rush; listening again only sets it.
    #[cfg(unix)]
    rustix::net::listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// Serves until `stop` ends, then lets running requests finish.
pub(super) async fn serve(
    listener: StdListener,
    machines: Arc<Machines>,
    service: Arc<Service>,
    connections: Arc<Connections>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let (told, stopping) = watch::channel(false);
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            _ = sweep.tick() => connections.sweep(),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let from_proxy = service.proxies.are_trusted(peer.ip());
                    if let Some(place) = connections.admit(peer.ip(), from_proxy) {
                        start(stream, peer, &machines, place, &service, stopping.clone());
                    }
                }
                Err(error) => {
                    // The client was gone already, or descriptors or memory are short.
                    if error.kind() != io::ErrorKind::ConnectionAborted {
                        render::log(&format!("a connection was not accepted: {error}"));
                        connections.give_up_one();
                        sleep(Duration::from_millis(50)).await;
                    }
                }
            }
        }
    }
    drop(listener);
    let _ = told.send(true);
    let end = Instant::now() + GRACE;
    while connections.count() > 0 && Instant::now() < end {
        connections.sweep();
        sleep(Duration::from_millis(20)).await;
    }
    connections.end_all();
    Ok(())
}

fn start(
    stream: TcpStream,
    peer: SocketAddr,
    machines: &Arc<Machines>,
    place: Place,
    service: &Arc<Service>,
    stopping: watch::Receiver<bool>,
) {
    let connection = Arc::clone(&place.connection);
    let (machines, service) = (Arc::clone(machines), Arc::clone(service));
    let task = tokio::spawn(async move {
        carry(stream, peer, &machines, &place, &service, stopping).await;
        // Its place is taken until here.
        drop(place);
    });
    connection.runs_as(task.abort_handle());
}

/// One connection, from the handshake to its end.
async fn carry(
    stream: TcpStream,
    peer: SocketAddr,
    machines: &Machines,
    place: &Place,
    service: &Arc<Service>,
    mut stopping: watch::Receiver<bool>,
) {
    let connection = &place.connection;
    let _ = stream.set_nodelay(true);
    let Ok(stream) = machines.accept(stream).await else {
        return;
    };
    connection.progress.enter(Phase::FirstByte);
    let answering = service_fn(|request| service.answer(place, peer, request));
    let io = TokioIo::new(Noted::new(stream, Arc::clone(connection)));
    let mut http = http1::Builder::new();
    // The sweep ends what is too slow.
    http.header_read_timeout(None).max_buf_size(MAX_HEAD);
    let mut http = pin!(http.serve_connection(io, answering));
    let told = tokio::select! {
        _ = http.as_mut() => false,
        // Also when the server is gone altogether.
        _ = stopping.wait_for(|stop| *stop) => true,
    };
    if told {
        http.as_mut().graceful_shutdown();
        let _ = timeout(GRACE, http).await;
    }
}
