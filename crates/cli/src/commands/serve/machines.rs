//! The machines that one process serves: each has its own store, and the client says by SNI which one it means.

use std::{io, net::IpAddr, sync::Arc};

use rustls::{ServerConfig, server::Acceptor};
use strongroom::{
    Keystore,
    remedy::{Remedy, shell_word},
};
use strongroom_api::{Machine, WebServerHost};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::{
    super::{Purpose, open_by, open_options, open_with_key, warn_of_slots},
    machines_file::{self, MachineRow},
    tls::ServerTls,
    web_server::WebServer,
};
use crate::{
    args::{Arguments, Serve},
    failure::{Exit, Failure},
    render::Printer,
    unlock::UnlockSpec,
};

/// All machines of the process, the one with the administrators first.
#[derive(Debug)]
pub(super) struct Machines {
    first: Arc<WebServer>,
    others: Vec<Arc<WebServer>>,
    /// The command with the options for the store of the first one, as advice has it.
    pub(super) program: String,
}

impl Machines {
    /// Opens the stores, and begins to follow them.
    pub(super) fn open(arguments: &Arguments, command: &Serve, printer: &Printer) -> Result<Self, Failure> {
        let address = command.listen.ip();
        let Some(file) = &command.machines else {
            // A damaged slot is no reason to leave clients without an answer.
            let keystore = open_with_key(arguments, Purpose::Mend)?.0;
            let name = match &command.machine {
                Some(name) => name.clone(),
                None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
            };
            let first = start(keystore, (name, Vec::new()), command.alias.as_ref(), address, printer)?;
            return Ok(Self { first, others: Vec::new(), program: printer.program().to_owned() });
        };
        if arguments.rollback_guard.is_some() || arguments.key_file.is_some() || !arguments.unlock.is_empty()
        {
            let message = "each of several machines has its own unlock key and rollback guard";
            return Err(Failure::new(Exit::Usage, "usage", "arguments", message.to_owned())
                .with(Remedy::Advice("write unlock and rollback_guard into the file of the machines")));
        }
        let rows = machines_file::read(file)?;
        let program = rows.first().map(program_of).unwrap_or_default();
        let mut started = Vec::new();
        for row in rows {
            let about = |failure: Failure| of_machine(&row.name, failure);
            let keystore = open_store(arguments, &row).map_err(about)?;
            let names = (row.name.clone(), row.names.clone());
            started.push(start(keystore, names, row.alias.as_ref(), address, printer).map_err(about)?);
        }
        let mut started = started.into_iter();
        let Some(first) = started.next() else {
            return Err(Failure::new(
                Exit::Usage,
                "invalid_machines_file",
                "serve",
                "it names no machine".to_owned(),
            ));
        };
        Ok(Self { first, others: started.collect(), program })
    }

    /// The one with the administrators.
    pub(super) fn first(&self) -> &Arc<WebServer> {
        &self.first
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<WebServer>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The same for the API: the first, and the others.
    pub(super) fn of_api(&self) -> (Machine, Vec<Machine>) {
        let machine = |server: &Arc<WebServer>| {
            let host: Arc<dyn WebServerHost> = Arc::<WebServer>::clone(server);
            let named = Machine::new(server.name.clone(), server.keystore.clone())
                .showing(server.tls.fallback.as_str())
                .served_by(host);
            server.names.iter().fold(named, |machine, name| machine.or(name))
        };
        (machine(&self.first), self.others.iter().map(machine).collect())
    }

    /// The handshake with the machine that the client asks for; with the first one if it asks for none of them.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let config = self.config_for(start.client_hello().server_name());
        start.into_stream(config).await
    }

    fn config_for(&self, host: Option<&str>) -> Arc<ServerConfig> {
        let meant = host.and_then(|host| self.all().find(|server| server.is(host)));
        meant.unwrap_or(&self.first).config()
    }

    /// Reads all stores at once.
    pub(super) fn reload(&self) -> Result<(), Failure> {
        self.all().try_for_each(|server| server.reload().map_err(|failure| of_machine(&server.name, failure)))
    }

    /// The server ends.
    pub(super) fn release(&self) {
        self.all().for_each(|server| server.release());
    }
}

fn start(
    keystore: Keystore,
    (name, names): (String, Vec<String>),
    named: Option<&strongroom::Alias>,
    address: IpAddr,
    printer: &Printer,
) -> Result<Arc<WebServer>, Failure> {
    warn_of_slots(&keystore, printer)?;
    let all = std::iter::once(&name).chain(&names).cloned().collect();
    let chosen = keystore.web_server()?;
    let tls = ServerTls::new(&keystore, chosen.alias.as_ref(), named, (all, address), printer)?;
    WebServer::start(name, names, keystore, tls, &chosen, printer)
}

fn open_store(arguments: &Arguments, row: &MachineRow) -> Result<Keystore, Failure> {
    let mut options = open_options(arguments, Purpose::Mend, &row.store);
    if let Some(guard) = &row.rollback_guard {
        options = options.rollback_guard(guard);
    }
    Ok(open_by(arguments, &row.store, row.unlock.as_slice(), &options)?.0)
}

fn program_of(row: &MachineRow) -> String {
    let unlock = row.unlock.as_ref().map(UnlockSpec::as_option).unwrap_or_default();
    format!("strongroom --store {}{unlock}", shell_word(&row.store.display().to_string()))
}

/// A failure with the machine that it is about.
fn of_machine(name: &str, failure: Failure) -> Failure {
    let failure = Failure { message: format!("machine {name}: {}", failure.message), ..failure };
    if failure.remedies.is_empty() {
        failure.with(Remedy::Advice("correct store and unlock of that machine in the file of the machines"))
    } else {
        failure
    }
}
