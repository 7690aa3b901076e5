//! `serve`: the administrator API over TLS, with a certificate of its own or of an entry.

mod certificate;
mod tls;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use axum::{middleware::map_response, response::Response};
use axum_server::{Handle, tls_rustls::RustlsConfig};
use serde::Serialize;
use strongroom::{certificate::printable, remedy::Remedy};
use strongroom_api::{ApiState, Fault, Settings, router};

use self::tls::{ServerTls, reload_on_signal};
use super::{Purpose, now, open_with_key, warn_of_slots};
use crate::{
    args::{Arguments, Serve},
    failure::{Exit, Failure},
    prompt::leave_signals_to_the_server,
    render::{self, Printer},
};

/// How long running requests may take when the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct Serving {
    url: String,
    machine: String,
    certificate_sha256: String,
}

pub(super) fn run(arguments: &Arguments, command: &Serve, printer: &Printer) -> Result<(), Failure> {
    // A damaged slot is no reason to leave clients without an answer.
    let keystore = open_with_key(arguments, Purpose::Mend)?.0;
    warn_of_slots(&keystore, printer)?;
    let machine = match &command.machine {
        Some(name) => name.clone(),
        None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
    };
    let tls = ServerTls::new(&keystore, command.alias.as_ref(), &machine, command.listen.ip(), printer)?;
    let marking = keystore.clone();
    let held = marking.hold(&tls.alias, "strongroom serve", now())?;
    let leaf = tls.leaf(&keystore)?;
    let administrators = keystore.listed_administrators()?;
    for (name, damaged) in administrators.iter().filter_map(|(name, row)| Some((name, row.as_ref().err()?))) {
        printer.warn(&format!("\"{}\" cannot sign in: {damaged}", printable(name)));
    }
    if administrators.is_empty() {
        printer.warn("nobody can sign in yet; add an administrator with: strongroom user add NAME");
    }
    let listener = TcpListener::bind(command.listen).map_err(|error| {
        Failure::new(
            Exit::Other,
            "cannot_listen",
            "serve",
            format!("cannot listen on {}: {error}", command.listen),
        )
        .with(Remedy::GiveListenAddress)
    })?;
    let address = listener.local_addr().map_err(|error| fault("cannot_listen", &error))?;

    let mut settings = Settings::new(machine.clone());
    settings.trust_embedded_root = command.trust_embedded_root;
    settings.web_server_certificate_alias = tls.alias.to_string();
    if let Some(work) = command.max_work {
        settings = settings.with_max_work(work);
    }
    let app = router(ApiState::new(keystore, settings, now)).layer(map_response(log_fault));
    let serving = Serving { url: url(address), machine, certificate_sha256: leaf };
    let ready = || {
        printer.result(&serving, &[], || {
            format!(
                "serving {} (certificate SHA-256 {}); stop with Ctrl-C\n",
                serving.url, serving.certificate_sha256
            )
        });
        // Nobody would learn the address.
        if printer.flush() { Ok(()) } else { Err(io::Error::other("nobody can read where it listens")) }
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| fault("cannot_start", &error))?;
    leave_signals_to_the_server();
    let served = runtime.block_on(serve(listener, &tls, app, ready));
    // Its lock goes with the process; the mark goes with it if it can.
    let _ = marking.release(held, now());
    served.map_err(|error| fault("serve_failed", &error))?;
    printer.note("stopped");
    Ok(())
}

/// The client of a fault gets a number; the log has what happened.
async fn log_fault(response: Response) -> Response {
    if let Some(fault) = response.extensions().get::<Fault>() {
        render::log(&format!("request {}: {}", fault.request_id, fault.cause));
    }
    response
}

fn fault(code: &'static str, error: &io::Error) -> Failure {
    Failure::new(Exit::Other, code, "serve", error.to_string())
}

fn url(address: SocketAddr) -> String {
    format!("https://{address}/arcgis/portaladmin")
}

async fn serve(
    listener: TcpListener,
    tls: &ServerTls,
    app: axum::Router,
    ready: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    tls.log_events();
    tls.keep();
    reload_on_signal(&tls.live);
    let handle = Handle::new();
    let stopping = handle.clone();
    tokio::spawn(async move {
        stop_signal().await;
        stopping.graceful_shutdown(Some(GRACE));
    });
    let mut server =
        axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(tls.live.server_config()))?
            .handle(handle);
    // A client that sends no complete header in time is let go.
    server
        .http_builder()
        .http1()
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(Duration::from_secs(10));
    ready()?;
    server.serve(app.into_make_service_with_connect_info::<SocketAddr>()).await
}

/// Waits for Ctrl-C or SIGTERM.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        else {
            let _ = interrupt.await;
            return;
        };
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}
