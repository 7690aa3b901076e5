//! The port for the monitoring system of this machine.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use strongroom_api::{ApiState, metrics_router};

/// Listens at a loopback address. It is answered by [`serve`].
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers until the runtime ends.
pub(super) async fn serve(listener: TcpListener, state: ApiState) -> io::Result<()> {
    axum::serve(tokio::net::TcpListener::from_std(listener)?, metrics_router(state)).await
}
