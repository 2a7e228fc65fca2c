//! What a terminal is known by, made at its first start.

use super::Failure;
use crate::access::pin;
use crate::store::Store;

/// The simulated terminal's number: the one of the document's examples.
const SIM_DEVICE_ID: u32 = 1_300_001;

/// The terminal's number: the one that was `asked` for, the simulator's, or one made at the first start.
pub(super) fn device_id(asked: Option<u32>, simulated: bool, store: &Store) -> Result<u32, Failure> {
    match asked {
        Some(id) => Ok(id),
        None if simulated => Ok(SIM_DEVICE_ID),
        None => made_device_id(store),
    }
}

/// A number of the document's kind (seven digits), made at the first start and kept.
fn made_device_id(store: &Store) -> Result<u32, Failure> {
    let chance = store.secret_or_passing("device-id", 4)?.iter().fold(0_u32, |n, byte| n << 8 | u32::from(*byte));
    Ok(1_000_000 + chance % 9_000_000)
}

/// The key of the keypad's passwords, made at the first start and kept.
pub(super) fn pin_key(store: &Store) -> Result<pin::Key, Failure> {
    let secret = store.secret_or_passing("access-pin", 32)?;
    Ok(pin::Key::new(secret.try_into().map_err(|_| "the key of the passwords has another length than 32 bytes")?))
}
