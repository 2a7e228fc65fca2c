//! Wired network and WiFi (3.4, 3.33): what is shown is where the terminal really is, and only what is given
//! otherwise than shown is changed.

use serde_json::Value;

use super::{Changes, Nothing};
use crate::api::Context;
use crate::api::wire::{Answer, Fields, fields, is_blank};
use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::field::Address;
use crate::hal::{Connection, Link};
use crate::settings::{Draft, Network, Route, Settings, Wifi, merged};

pub fn get(cx: &Context, _: Nothing) -> Result<Answer> {
    let mut info = fields(shown(cx, &cx.settings.now())?)?;
    // It belongs to the general parameters (3.23).
    info.shift_remove("DNS");
    Ok(Answer::Data(info))
}

/// The answer comes first; the network is changed a moment later and undone unless somebody logs in then.
pub fn set(cx: &Context, changes: Changes<Network>) -> Result<Answer> {
    cx.network.change(|draft| change(cx, draft, &changes.fields))?;
    Ok(Answer::Done)
}

/// The settings; where they leave the address to the machine or to the network, what the machine has.
pub fn shown(cx: &Context, all: &Settings) -> Result<Network> {
    let mut shown = all.network.clone();
    if is_leased(&shown) {
        let now = machine(cx, Link::Wired)?;
        if now.address.is_some() {
            (shown.address, shown.mask, shown.gateway) = (now.address, now.mask, now.gateway);
            if !shown.dns.is_some() {
                shown.dns = now.dns[0];
            }
        }
    }
    if shown.web_port.get() == 0 {
        shown.web_port = number("WebPort", &cx.network.port().into())?;
    }
    Ok(shown)
}

/// Merges given fields into the wired network.
pub fn change(cx: &Context, draft: &mut Draft, given: &Fields) -> Result<()> {
    let stored = draft.now().network.clone();
    let shown = shown(cx, draft.now())?;
    let wanted = merged(&shown, given)?;
    let mut next = wanted.clone();
    let place = |n: &Network| (n.address, n.mask, n.gateway, n.dns);
    if is_leased(&stored) && wanted.dhcp() == stored.dhcp() {
        if place(&wanted) == place(&shown) {
            // Platforms give everything back as they got it: a leased address must not become a fixed one.
            (next.address, next.mask, next.gateway, next.dns) = place(&stored);
        } else if stored.dhcp() && !is_given(given, "DHCP") {
            bail!(BadParameter, "IPAddr: DHCP is {}, so give DHCP 0 as well", stored.dhcp.get());
        }
    }
    if wanted.web_port == shown.web_port {
        next.web_port = stored.web_port;
    } else if wanted.web_port.get() == 0 {
        bail!(BadParameter, "WebPort: 0 is outside 1..65535");
    }
    match next.route {
        Route::Mobile => bail!(BadParameter, "DefRoute: 2, this terminal has no mobile network"),
        Route::Wifi if !cx.host.has_wifi() => bail!(BadParameter, "DefRoute: 1, this terminal has no WiFi"),
        Route::Wired | Route::Wifi => {}
    }
    if next == stored {
        return Ok(());
    }
    draft.change::<Network>(|network| {
        *network = next;
        Ok(())
    })
}

pub fn get_wifi(cx: &Context, _: Nothing) -> Result<Answer> {
    fields(shown_wifi(cx, &cx.settings.now())?).map(Answer::Data)
}

/// As [`set`] does.
pub fn set_wifi(cx: &Context, changes: Changes<Wifi>) -> Result<Answer> {
    cx.network.change(|draft| {
        let stored = draft.now().wifi.clone();
        let shown = shown_wifi(cx, draft.now())?;
        let mut next = merged(&shown, &changes.fields)?;
        let place = |w: &Wifi| (w.address, w.mask, w.gateway, w.dns1, w.dns2);
        if next.dhcp == stored.dhcp && place(&next) == place(&shown) {
            (next.address, next.mask, next.gateway, next.dns1, next.dns2) = place(&stored);
        }
        if next.enabled.on() && !cx.host.has_wifi() {
            bail!(BadParameter, "Enable: 1, this terminal has no WiFi");
        }
        if next == stored {
            return Ok(());
        }
        draft.change::<Wifi>(|wifi| {
            *wifi = next;
            Ok(())
        })
    })?;
    Ok(Answer::Done)
}

fn shown_wifi(cx: &Context, all: &Settings) -> Result<Wifi> {
    let mut shown = all.wifi.clone();
    if shown.enabled.on() && shown.dhcp.on() {
        let now = machine(cx, Link::Wifi)?;
        if now.address.is_some() {
            (shown.address, shown.mask, shown.gateway) = (now.address, now.mask, now.gateway);
            let or = |set: Address, now| if set.is_some() { set } else { now };
            (shown.dns1, shown.dns2) = (or(shown.dns1, now.dns[0]), or(shown.dns2, now.dns[1]));
        }
    }
    Ok(shown)
}

/// Whether the wired address is not the settings'.
fn is_leased(network: &Network) -> bool {
    network.dhcp() || !network.address.is_some()
}

fn machine(cx: &Context, link: Link) -> Result<Connection> {
    cx.host.connection(link)
}

fn is_given(given: &Fields, name: &str) -> bool {
    given.get(name).is_some_and(|value| !is_blank(value))
}

/// Reads one field, naming it when it is wrong.
pub fn number<T: serde::de::DeserializeOwned>(name: &str, value: &Value) -> Result<T> {
    serde_json::from_value(value.clone()).map_err(|e| Error::new(Fault::BadParameter, format!("{name}: {e}")))
}
