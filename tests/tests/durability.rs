//! The store under kills, failing calls, power cuts, damage and many processes.
//!
//! Short here; `cargo xtask durability` runs the full numbers and prints them.

#[path = "durability/bench.rs"]
mod bench;
#[path = "durability/damage.rs"]
mod damage;
#[path = "durability/doubt.rs"]
mod doubt;
#[path = "durability/faults.rs"]
mod faults;
#[path = "durability/full.rs"]
mod full;
#[path = "durability/kill.rs"]
mod kill;
#[path = "durability/load.rs"]
mod load;
#[path = "durability/place.rs"]
mod place;
#[path = "durability/points.rs"]
mod points;
#[path = "durability/power.rs"]
mod power;
#[path = "durability/soak.rs"]
mod soak;
#[path = "durability/syncs.rs"]
mod syncs;
