//! A client of HTTP/1.1 over TLS that comes from an address of its own and may stop anywhere: what curl cannot.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use socket2::{Domain, Socket, Type};

/// How long anything may take before a client gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection over TLS.
pub type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Clients of one server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Https {
    /// Where the server listens.
    pub server: SocketAddr,
    config: Arc<ClientConfig>,
}

/// An answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// Of HTTP.
    pub status: u16,
    /// All of the head, in lower case.
    pub head: String,
    /// As text.
    pub body: String,
}

impl Https {
    /// For a server; its certificate is not looked at, since other tests do that.
    #[must_use]
    pub fn new(server: SocketAddr) -> Self {
        Self::offering(server, &[])
    }

    /// The same, with protocols that are offered in ALPN.
    #[must_use]
    pub fn offering(server: SocketAddr, protocols: &[&str]) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Any(provider)))
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { server, config: Arc::new(config) }
    }

    /// A connection without TLS, from one of this machine's own addresses.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn tcp(&self, from: IpAddr) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.server), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(from, 0).into())?;
        socket.connect_timeout(&self.server.into(), PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_tcp_nodelay(true)?;
        Ok(socket.into())
    }

    /// A connection after its handshake.
    ///
    /// # Errors
    ///
    /// What the system says, or TLS.
    pub fn connect(&self, from: IpAddr) -> io::Result<Tls> {
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let client = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(client, self.tcp(from)?);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    /// Sends one request on a connection of its own.
    ///
    /// # Errors
    ///
    /// What the system says, or an answer that is none.
    pub fn send(&self, from: IpAddr, request: &[u8]) -> io::Result<Reply> {
        exchange(&mut self.connect(from)?, request)
    }

    /// A form that is posted.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn post(&self, from: IpAddr, path: &str, form: &str) -> io::Result<Reply> {
        self.send(from, &post(path, "application/x-www-form-urlencoded", form.as_bytes()))
    }
}

/// Sends one request, and reads its answer.
///
/// # Errors
///
/// What the system says, or an answer that is none.
pub fn exchange(stream: &mut Tls, request: &[u8]) -> io::Result<Reply> {
    // A server that refuses early may stop to read.
    let sent = stream.write_all(request).and_then(|()| stream.flush());
    match read(stream) {
        Ok(reply) => Ok(reply),
        Err(error) => Err(sent.err().unwrap_or(error)),
    }
}

/// Reads one answer.
///
/// # Errors
///
/// What the system says, or an answer that is none.
pub fn read(stream: &mut Tls) -> io::Result<Reply> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 16_384];
    loop {
        if let Some(reply) = whole(&bytes) {
            return Ok(reply);
        }
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

fn whole(bytes: &[u8]) -> Option<Reply> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let body = bytes[end + 4..].get(..length.unwrap_or(0))?;
    Some(Reply { status, body: String::from_utf8_lossy(body).into_owned(), head })
}

/// A GET.
#[must_use]
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

/// A POST.
#[must_use]
pub fn post(path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A POST of multipart/form-data: fields, and one file.
#[must_use]
pub fn upload(path: &str, fields: &[(&str, &str)], file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    body.extend_from_slice(b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n");
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--b--\r\n");
    post(path, "multipart/form-data; boundary=b", &body)
}

/// Takes any certificate.
#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if end_entity.is_empty() {
            return Err(CertificateError::BadEncoding.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
