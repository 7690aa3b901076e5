//! `serve`: the administrator API over TLS, with a certificate of its own or of an entry.

mod access_log;
mod certificate;
mod connections;
mod listener;
mod machines;
mod machines_file;
mod metrics;
mod progress;
mod proxies;
mod service;
mod stream;
mod tls;
mod web_server;

use std::{
    fmt::Write as _,
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    thread::JoinHandle,
};

use axum::{middleware::map_response, response::Response};
use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{certificate::printable, remedy::Remedy};
use strongroom_api::{ApiState, Fault, Settings, router};

use self::{
    access_log::AccessLog,
    connections::Connections,
    machines::Machines,
    proxies::Proxies,
    service::Service,
    tls::{keep, reload_on_signal},
};
use super::{
    now,
    service_manager::{READY, STOPPING, tell_manager},
};
use crate::{
    args::{Arguments, Serve},
    failure::{Exit, Failure},
    process::raise_descriptor_limit,
    prompt::leave_signals_to_the_server,
    render::{self, Printer},
};

/// Threads for what blocks: imports, hashes, reads. The API lets fewer run at once.
const BLOCKING_THREADS: usize = 32;

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Serving {
    url: String,
    machine: String,
    certificate_sha256: String,
    machines: Vec<ServedMachine>,
}

#[derive(JsonSchema, Serialize)]
struct ServedMachine {
    machine: String,
    names: Vec<String>,
    alias: String,
    certificate_sha256: String,
}

impl Serving {
    fn of(machines: &Machines, address: SocketAddr) -> Result<Self, Failure> {
        let served = machines.all().map(|server| {
            let alias = server.shown();
            let leaf = server.keystore.entry(&alias, now())?.certificate.fingerprint();
            Ok(ServedMachine {
                machine: server.name.clone(),
                names: server.names.clone(),
                alias: alias.to_string(),
                certificate_sha256: leaf.to_string(),
            })
        });
        let machines_served = served.collect::<Result<Vec<_>, Failure>>()?;
        let first = machines_served.first().map(|first| first.certificate_sha256.clone());
        Ok(Self {
            url: url(address),
            machine: machines.first().name.clone(),
            certificate_sha256: first.unwrap_or_default(),
            machines: machines_served,
        })
    }

    fn to_text(&self) -> String {
        if let [_] = self.machines.as_slice() {
            let Self { url, certificate_sha256, .. } = self;
            return format!("serving {url} (certificate SHA-256 {certificate_sha256}); stop with Ctrl-C\n");
        }
        let mut text =
            format!("serving {} machines at {}; stop with Ctrl-C\n", self.machines.len(), self.url);
        for ServedMachine { machine, alias, certificate_sha256, .. } in &self.machines {
            let _ = writeln!(text, "  {machine}: {alias} (certificate SHA-256 {certificate_sha256})");
        }
        text
    }
}

pub(super) fn run(arguments: &Arguments, command: &Serve, printer: &Printer) -> Result<(), Failure> {
    let machines = Arc::new(Machines::open(arguments, command, printer)?);
    let first = machines.first();
    let keystore = &first.keystore;
    let administrators = keystore.listed_administrators()?;
    for (name, damaged) in administrators.iter().filter_map(|(name, row)| Some((name, row.as_ref().err()?))) {
        printer.warn(&format!("\"{}\" cannot sign in: {damaged}", printable(name)));
    }
    if administrators.is_empty() {
        printer.warn(&format!(
            "nobody can sign in yet; add an administrator with: {} user add NAME",
            machines.program
        ));
    }
    let listener = listener::listen(command.listen).map_err(|error| {
        Failure::new(
            Exit::Other,
            "cannot_listen",
            "serve",
            format!("cannot listen on {}: {error}", command.listen),
        )
        .with(Remedy::GiveListenAddress)
    })?;
    let address = listener.local_addr().map_err(|error| fault("cannot_listen", &error))?;
    machines.all().for_each(|server| server.tls.live.listens_at(address));

    let mut settings = Settings::new(first.name.clone());
    settings.trust_embedded_root = command.trust_embedded_root;
    settings.allow_key_export = command.allow_key_export;
    if let Some(work) = command.max_work {
        settings = settings.with_max_work(work);
    }
    let serving = Serving::of(&machines, address)?;
    let (of_api, others) = machines.of_api();
    let state = ApiState::of_machines(of_api, others, settings, now);
    let app = router(state.clone()).layer(map_response(log_fault));
    let monitored = command.metrics_listen.map(|address| {
        metrics::listen(address).map_err(|error| {
            let message = format!("cannot listen on {address} for the metrics: {error}");
            Failure::new(Exit::Other, "cannot_listen", "serve", message)
        })
    });
    let monitored = monitored.transpose()?;
    let log = command.access_log.as_deref().map(open_log).transpose()?;
    let connections = Arc::new(Connections::new(raise_descriptor_limit()));
    let counted = Arc::clone(&connections);
    state.count_connections(move || counted.count());
    let proxies = Proxies::new(&command.trusted_proxy);
    let writing = log.as_ref().map(|(log, _)| log.clone());
    let service = Arc::new(Service::new(app, proxies, writing, Arc::clone(&connections)));
    let ready = || {
        printer.result(&serving, &[], || serving.to_text());
        // Nobody would learn the address.
        if printer.flush() { Ok(()) } else { Err(io::Error::other("nobody can read where it listens")) }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| fault("cannot_start", &error))?;
    leave_signals_to_the_server();
    if let Some(listener) = monitored {
        runtime.spawn(async move {
            if let Err(error) = metrics::serve(listener, state).await {
                render::log(&format!("the metrics are not answered: {error}"));
            }
        });
    }
    let served = runtime.block_on(serve(listener, &machines, service, connections, ready));
    if let Some((log, thread)) = log {
        log.close();
        let _ = thread.join();
    }
    machines.release();
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

/// Opens the access log.
fn open_log(path: &Path) -> Result<(AccessLog, JoinHandle<()>), Failure> {
    AccessLog::open(path.into()).map_err(|error| {
        let message = format!("cannot write the access log {}: {error}", printable(&path.to_string_lossy()));
        Failure::new(Exit::Other, "cannot_write_log", "serve", message)
            .with(Remedy::Advice("name a file in a folder that is there and that this user may write"))
    })
}

async fn serve(
    listener: TcpListener,
    machines: &Arc<Machines>,
    service: Arc<Service>,
    connections: Arc<Connections>,
    ready: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    for server in machines.all() {
        server.tls.log_events();
        keep(server);
    }
    reload_on_signal(machines, service.log());
    let stopped = stop_signal()?;
    ready()?;
    tell_manager(READY);
    let stop = async {
        stopped.await;
        tell_manager(STOPPING);
    };
    listener::serve(listener, Arc::clone(machines), service, connections, stop).await
}

/// Ends with Ctrl-C or SIGTERM. From the call on these no longer end the process: whoever reads that it serves may stop it.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends with Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
