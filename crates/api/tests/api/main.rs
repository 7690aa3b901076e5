//! The API as its clients see it: requests in, exact answers out, no socket.

#[cfg(test)]
mod access;
#[cfg(test)]
mod authorities;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod flavours;
#[cfg(test)]
mod given;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod import;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod markup;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod neighbours;
#[cfg(test)]
mod oauth;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod token;
#[cfg(test)]
mod web_server;
#[cfg(test)]
mod who;
