//! Many files, each of a key of its own, as fast as the processor makes them.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use rcgen::KeyPair;

use crate::{
    authority::{TestCa, ca_params, leaf_params, self_signed, valid_today},
    bare::keys_of_file,
    forge::{Bag, Cipher, Forge, Hash, Mac, Scheme, Secret},
};

/// The password of the files.
pub const PASSWORD: &str = "changeit";

/// The cores of the machine.
#[must_use]
pub fn threads() -> u32 {
    thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap())
}

/// Does `work` for each number below `count`, on all cores.
pub fn on_all_cores(count: u32, work: impl Fn(u32) + Sync) {
    on_threads(threads(), count, work);
}

/// The same on so many threads.
pub fn on_threads(threads: u32, count: u32, work: impl Fn(u32) + Sync) {
    let next = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    work(number);
                }
            });
        }
    });
}

/// A root that is valid today.
#[must_use]
pub fn todays_root() -> TestCa {
    let mut params = ca_params("Today's Root");
    valid_today(&mut params);
    self_signed(params, KeyPair::generate().unwrap())
}

/// A P-256 key and its certificate, for `wwwN.many.test`, as OpenSSL writes them, with salts of its own.
#[must_use]
pub fn file_of(ca: &TestCa, number: u32, iterations: u32) -> Vec<u8> {
    let (secret, rounds) = (Secret::of(PASSWORD), u64::from(iterations));
    let mut params = leaf_params(&format!("www{number}.many.test"));
    valid_today(&mut params);
    let credential = ca.issue(&params, &[]);
    let [mac, certificates, key] = keys_of_file(&secret, number, iterations);
    let scheme = |(salt, key): (Vec<u8>, Vec<u8>)| {
        Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, rounds).salt(&salt).key(key)
    };
    let id = number.to_be_bytes();
    let certificate = Bag::certificate(credential.leaf().der()).local_key_id(&id);
    let key = Bag::shrouded(credential.key().expose_pkcs8_der(), &scheme(key), &secret).local_key_id(&id);
    let mac = Mac::pkcs12(Hash::Sha256, rounds).salt(&mac.0).key(mac.1);
    let file = Forge::new(secret).mac(mac);
    file.encrypted(&[certificate], &scheme(certificates)).plain(&[key]).build()
}
