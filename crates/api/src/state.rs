//! What the handlers share: the settings, the keystore, the sessions, and how much may run at once.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use strongroom::{
    Error, Keystore, UnixTime,
    limits::{Cancel, Limits},
};

use crate::{
    error::{ApiError, Task, reply},
    held::Held,
    import_place::ImportPlace,
    in_flight::InFlight,
    machine::{Machine, host_name},
    metrics::Counts,
    overview::Overview,
    queue::{Pass, Queue},
    refusals::Refusals,
    session::Sessions,
    sign_ins::SignIns,
};

/// Imports that run at once; each may cost two seconds and tens of megabytes.
const IMPORTS: usize = 2;
/// Reads that run at once.
const READS: usize = 4;
/// Imports that run for long, beside the others.
const SLOW_IMPORTS: usize = 1;
/// Further ones that wait; each has a thread.
const SLOW_WAITING: usize = 8;
/// Requests that may wait for one of these; further ones are told to try again.
const WAITING: usize = 1_024;
/// How long they wait.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the derivations of one import may take under the usual limit of work.
const IMPORT_TIME: Duration = Duration::from_secs(10);
/// Bytes of a request beside the file.
const FORM_LEN: usize = 16 * 1024;

/// What the operator decides.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The name of this machine, as it stands in paths: `machines/<machine>/sslCertificates`.
    pub machine: String,
    /// The version of ArcGIS whose API is answered; clients decide by it what they send.
    pub version: String,
    /// Whether an embedded self-signed root is imported first, as ArcGIS 11.3 does.
    pub trust_embedded_root: bool,
    /// The largest request, in bytes.
    pub max_upload: usize,
    /// The most key-derivation iterations that one import may cost; see [`with_max_work`](Self::with_max_work).
    pub max_work: u64,
    /// How long the derivations of one import may take, before it is cancelled.
    pub max_import_time: Duration,
    /// The alias of the certificate that the web server itself serves.
    pub web_server_certificate_alias: String,
    /// Whether an administrator may take entries away with their private keys. Off by default.
    pub allow_key_export: bool,
}

impl Settings {
    /// The defaults for a machine of that name.
    #[must_use]
    pub fn new(machine: impl Into<String>) -> Self {
        Self {
            machine: machine.into(),
            version: "11.3".to_owned(),
            trust_embedded_root: false,
            max_upload: Limits::default().max_file_len.saturating_add(FORM_LEN),
            max_work: Limits::default().max_work,
            max_import_time: IMPORT_TIME,
            web_server_certificate_alias: "selfsignedcertificate".to_owned(),
            allow_key_export: false,
        }
    }

    /// Lets one import cost `work` iterations, up to [`Limits::max_work_ceiling`], and take as much longer.
    #[must_use]
    pub fn with_max_work(mut self, work: u64) -> Self {
        self.max_work = work.min(Limits::max_work_ceiling());
        let times = self.max_work.div_ceil(Limits::default().max_work);
        self.max_import_time = IMPORT_TIME.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX));
        self
    }

    /// The limits of one import.
    pub(crate) fn limits(&self) -> Limits {
        let limits = Limits::default();
        if self.max_work == limits.max_work { limits } else { limits.with_max_work(self.max_work) }
    }
}

/// The state of the API. Clones share it.
#[derive(Clone)]
pub struct ApiState {
    shared: Arc<Shared>,
    /// The machine that a request is about.
    machine: Arc<Machine>,
}

pub(crate) struct Shared {
    settings: Settings,
    clock: fn() -> UnixTime,
    /// All of them, the one with the administrators first.
    machines: Vec<Arc<Machine>>,
    /// The store of the first machine.
    administrators: Keystore,
    sessions: Sessions,
    sign_ins: Arc<SignIns>,
    refusals: Mutex<Refusals>,
    imports: Arc<Queue>,
    slow_imports: Arc<Queue>,
    reads: Arc<Queue>,
    in_flight: Arc<InFlight>,
    held: Arc<Held>,
    counts: Counts,
}

impl ApiState {
    /// Takes over a keystore. `clock` dates entries and tokens, for example `strongroom::UnixTime::now`.
    #[must_use]
    pub fn new(keystore: Keystore, settings: Settings, clock: fn() -> UnixTime) -> Self {
        let machine = Machine::new(settings.machine.clone(), keystore);
        let machine = machine.showing(settings.web_server_certificate_alias.clone());
        Self::of_machines(machine, Vec::new(), settings, clock)
    }

    /// The same for several machines, each with a store of its own. The administrators are those of the first one's. Of the
    /// settings the name of a machine and the alias that it shows do not count: the machines have their own.
    #[must_use]
    pub fn of_machines(
        first: Machine,
        others: Vec<Machine>,
        mut settings: Settings,
        clock: fn() -> UnixTime,
    ) -> Self {
        first.name().clone_into(&mut settings.machine);
        let machine = Arc::new(first);
        let administrators = machine.keystore.clone();
        let machines =
            std::iter::once(Arc::clone(&machine)).chain(others.into_iter().map(Arc::new)).collect();
        let shared = Shared {
            settings,
            clock,
            machines,
            administrators,
            sessions: Sessions::default(),
            sign_ins: SignIns::new(),
            refusals: Mutex::default(),
            imports: Queue::new(IMPORTS, WAITING, PATIENCE),
            slow_imports: Queue::new(SLOW_IMPORTS, SLOW_WAITING, PATIENCE),
            reads: Queue::new(READS, WAITING, PATIENCE),
            in_flight: InFlight::new(),
            held: Arc::default(),
            counts: Counts::default(),
        };
        Self { shared: Arc::new(shared), machine }
    }

    /// The machine that this state is for: the first one, unless a request named another.
    pub(crate) fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    /// All machines.
    pub(crate) fn machines(&self) -> &[Arc<Machine>] {
        &self.shared.machines
    }

    /// The same state for the machine whose store has the administrators.
    pub(crate) fn home(&self) -> Self {
        let machine = self.machines().first().unwrap_or(&self.machine);
        Self { shared: Arc::clone(&self.shared), machine: Arc::clone(machine) }
    }

    /// The same state for the machine of that name, if there is one.
    pub(crate) fn for_machine(&self, name: &str) -> Option<Self> {
        let machine = self.machines().iter().find(|machine| machine.is(name))?;
        Some(Self { shared: Arc::clone(&self.shared), machine: Arc::clone(machine) })
    }

    /// Whether answers to a client that named this host tell browsers to come by HTTPS alone.
    pub(crate) fn hsts(&self, host: Option<&str>) -> bool {
        let named = host.and_then(|host| self.machines().iter().find(|machine| machine.is(host_name(host))));
        named.unwrap_or(&self.machine).hsts()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.shared.now()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn sign_ins(&self) -> &Arc<SignIns> {
        &self.shared.sign_ins
    }

    pub(crate) fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.shared.refusals()
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.shared.sessions
    }

    /// Runs `work` on a thread that may block.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        task: Task,
        work: impl FnOnce(&Keystore) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = self.queue(task).enter().await?;
        self.run_with(permit, task, work).await
    }

    /// Says how many connections are open, for the metrics. The first who says so is asked.
    pub fn count_connections(&self, count: impl Fn() -> usize + Send + Sync + 'static) {
        self.shared.counts.count_connections(Box::new(count));
    }

    /// What happened since the start.
    pub(crate) fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// The files that were checked.
    pub(crate) fn held(&self) -> &Arc<Held> {
        &self.shared.held
    }

    /// Runs an import, whose derivations `Cancel` stops. One that takes long makes room for others.
    pub(crate) async fn import<T: Send + 'static>(
        &self,
        task: Task,
        work: impl FnOnce(&Keystore, Cancel) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let pass = self.queue(task).enter().await?;
        let shared = Arc::clone(&self.shared);
        let place = ImportPlace::new(pass, &shared.slow_imports, shared.settings.max_import_time);
        // Goes with the future of this request.
        let wanted = Arc::new(());
        let cancel = place.cancel(Arc::downgrade(&wanted));
        let (held, machine) = (Arc::clone(&place), Arc::clone(&self.machine));
        let blocking = tokio::task::spawn_blocking(move || {
            let _held = held;
            work(&machine.keystore, cancel)
        });
        match blocking.await {
            Ok(Err(_)) if place.is_refused() => Err(ApiError::busy()),
            Ok(done) => done.map_err(|error| reply(task, &error)),
            Err(stopped) => Err(ApiError::fault(format!("the work on the keystore stopped: {stopped}"))),
        }
    }

    /// The memory for bodies.
    pub(crate) fn in_flight(&self) -> &Arc<InFlight> {
        &self.shared.in_flight
    }

    /// Every entry at a glance.
    pub(crate) async fn overview(&self) -> Result<Arc<Overview>, ApiError> {
        let (machine, at) = (Arc::clone(&self.machine), self.now());
        self.run(Task::Read, move |keystore| machine.overviews.get(keystore, at)).await
    }

    async fn run_with<T: Send + 'static>(
        &self,
        permit: Pass,
        task: Task,
        work: impl FnOnce(&Keystore) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let done = self.run_ungated(move |keystore| {
            // Held until the work is done, also when the client has gone.
            let _permit = permit;
            work(keystore)
        });
        done.await?.map_err(|error| reply(task, &error))
    }

    /// Runs `work` on a thread that may block, without a gate: whoever calls bounds how often.
    pub(crate) async fn run_ungated<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Keystore) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let machine = Arc::clone(&self.machine);
        let done = tokio::task::spawn_blocking(move || work(&machine.keystore)).await;
        done.map_err(|stopped| ApiError::fault(format!("the work on the keystore stopped: {stopped}")))
    }

    fn queue(&self, task: Task) -> &Arc<Queue> {
        match task {
            // A large key takes its time to make.
            Task::Export
            | Task::Generate
            | Task::ImportAuthority
            | Task::ImportServerCertificate
            | Task::ImportSignedCertificate
            | Task::RollBack
            | Task::UpdateWebServer => &self.shared.imports,
            Task::Delete | Task::GenerateCsr | Task::Read | Task::VerifyPassword => &self.shared.reads,
        }
    }
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").field("settings", self.settings()).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn now(&self) -> UnixTime {
        (self.clock)()
    }

    pub(crate) fn keystore(&self) -> &Keystore {
        &self.administrators
    }

    pub(crate) fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
