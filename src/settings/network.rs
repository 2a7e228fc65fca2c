//! Wired network (3.4, 3.23) and WiFi (3.33). How they come into force is the host's matter.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::error::Result;
use crate::field::{Address, Bytes, Flag, Int, Netmask};
use crate::numbered;

numbered! {
    /// Which way packets leave the terminal (`DefRoute`).
    pub enum Route {
        /// Cable.
        Wired = 0,
        /// WiFi.
        Wifi = 1,
        /// Mobile network.
        Mobile = 2,
    }
}

/// Wired network (3.4; `DNS` only in 3.23).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Network {
    /// Address.
    #[serde(rename = "IPAddr")]
    pub address: Address,
    /// Netmask.
    #[serde(rename = "Submask")]
    pub mask: Netmask,
    /// Gateway, `0.0.0.0` for none.
    #[serde(rename = "Gateway")]
    pub gateway: Address,
    /// Name server, `0.0.0.0` for none.
    #[serde(rename = "DNS")]
    pub dns: Address,
    /// Port of the data service of sibling products; kept, nothing listens there.
    #[serde(rename = "ListenPort")]
    pub data_port: Int<1, 65_535>,
    /// Port of this API; 0 until it is set: the board's.
    #[serde(rename = "WebPort")]
    pub web_port: Int<0, 65_535>,
    /// Whether the address comes from the network: 0 no, 1 and 2 yes.
    #[serde(rename = "DHCP")]
    pub dhcp: Int<0, 2>,
    /// Which way packets leave the terminal.
    #[serde(rename = "DefRoute")]
    pub route: Route,
}

impl Default for Network {
    /// No address: the host's own, however it came by it, stays untouched until one is set.
    fn default() -> Self {
        Self {
            address: Address::NONE,
            mask: Netmask::new(24).unwrap_or(Netmask::NONE),
            gateway: Address::NONE,
            dns: Address::NONE,
            data_port: Int::of(5000),
            web_port: Int::of(0),
            dhcp: Int::of(0),
            route: Route::Wired,
        }
    }
}

impl Network {
    /// Whether the address comes from the network.
    #[must_use]
    pub const fn dhcp(&self) -> bool {
        self.dhcp.get() != 0
    }
}

impl Rules for Network {
    fn check(&self) -> Result<()> {
        usable("IPAddr", self.address)?;
        if !self.dhcp() {
            fits("Submask", "Gateway", self.address, self.mask, self.gateway)?;
        }
        if self.web_port.get() == self.data_port.get() {
            crate::bail!(BadParameter, "WebPort: {} is ListenPort already", self.web_port.get());
        }
        Ok(())
    }
}

numbered! {
    /// How the radio is protected.
    pub enum WifiSecurity {
        /// Not at all.
        Open = 0,
        /// WPA-PSK or WPA2-PSK.
        Psk = 1,
        /// WPA or WPA2.
        Wpa = 2,
    }
}

/// WiFi (3.33).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Wifi {
    /// Whether it is used.
    #[serde(rename = "Enable")]
    pub enabled: Flag,
    /// 0: station, the only mode.
    #[serde(rename = "WorkMode")]
    pub mode: Int<0, 0>,
    /// Whether the address comes from the network.
    #[serde(rename = "DHCP")]
    pub dhcp: Flag,
    /// How the radio is protected.
    #[serde(rename = "SecurityMode")]
    pub security: WifiSecurity,
    /// Name of the network, at most 32 bytes.
    #[serde(rename = "SSID")]
    pub ssid: Bytes<32>,
    /// Password, at most 128 bytes; WPA itself wants 8 to 63.
    #[serde(rename = "PassWord")]
    pub password: Bytes<128>,
    /// Address; needed without DHCP.
    #[serde(rename = "IPAddr")]
    pub address: Address,
    /// Netmask; needed without DHCP.
    #[serde(rename = "NetMask")]
    pub mask: Netmask,
    /// Gateway; needed without DHCP.
    #[serde(rename = "GateWay")]
    pub gateway: Address,
    /// First name server.
    #[serde(rename = "DNS1")]
    pub dns1: Address,
    /// Second name server.
    #[serde(rename = "DNS2")]
    pub dns2: Address,
}

impl Default for Wifi {
    fn default() -> Self {
        Self {
            enabled: Flag::of(0),
            mode: Int::of(0),
            dhcp: Flag::of(1),
            security: WifiSecurity::Psk,
            ssid: Bytes::default(),
            password: Bytes::default(),
            address: Address::NONE,
            mask: Netmask::new(24).unwrap_or(Netmask::NONE),
            gateway: Address::NONE,
            dns1: Address::NONE,
            dns2: Address::NONE,
        }
    }
}

impl Rules for Wifi {
    fn check(&self) -> Result<()> {
        usable("IPAddr", self.address)?;
        if !self.enabled.on() {
            return Ok(());
        }
        if self.ssid.as_str().is_empty() {
            crate::bail!(BadParameter, "SSID: is missing, Enable is 1");
        }
        let password = self.password.as_str();
        if self.security != WifiSecurity::Open && !(8..=63).contains(&password.len()) {
            crate::bail!(BadParameter, "PassWord: has {} bytes, WPA takes 8 to 63", password.len());
        }
        if self.security != WifiSecurity::Open && !password.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            crate::bail!(BadParameter, "PassWord: WPA takes the printable characters of ASCII only");
        }
        if !self.dhcp.on() {
            if !self.address.is_some() {
                crate::bail!(BadParameter, "IPAddr: is missing, DHCP is 0");
            }
            fits("NetMask", "GateWay", self.address, self.mask, self.gateway)?;
        }
        Ok(())
    }
}

/// An interface can have any address but those of everybody, of nobody in particular, and of itself.
fn usable(name: &str, address: Address) -> Result<()> {
    let ip = address.0;
    if ip.is_broadcast() || ip.is_multicast() || ip.is_loopback() || (ip.octets()[0] == 0 && address.is_some()) {
        crate::bail!(BadParameter, "{name}: {ip} cannot be the address of a terminal");
    }
    Ok(())
}

/// A fixed address needs a mask that leaves it a place in its network, and a gateway it can reach.
fn fits(mask_name: &str, gateway_name: &str, address: Address, mask: Netmask, gateway: Address) -> Result<()> {
    if !address.is_some() {
        return Ok(());
    }
    let prefix = mask.prefix();
    let hosts = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
    let own = address.0.to_bits() & hosts;
    if prefix == 0 || (prefix < 31 && (own == 0 || own == hosts)) {
        crate::bail!(BadParameter, "{mask_name}: with {mask} the address {address} is no terminal's");
    }
    if gateway.is_some() && (gateway.0.to_bits() & !hosts) != (address.0.to_bits() & !hosts) {
        crate::bail!(BadParameter, "{gateway_name}: {gateway} is not in the network of {address}, {mask}");
    }
    Ok(())
}

/// What the network was before a change that nobody has confirmed by logging in.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NetworkBefore {
    /// Wired network.
    pub network: Network,
    /// WiFi.
    pub wifi: Wifi,
}

/// What the network goes back to; kept together with the change, so that no power cut comes between.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkUndo {
    /// The values before the change, while it is on trial.
    pub before: Option<NetworkBefore>,
}

impl Rules for NetworkUndo {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_usable_networks_are_taken() {
        for (address, prefix, gateway, wrong) in [
            ("192.168.2.10", 24, "192.168.2.1", None),
            ("192.168.2.10", 24, "0.0.0.0", None),
            ("0.0.0.0", 24, "192.168.2.1", None),
            ("10.0.0.0", 31, "10.0.0.1", None),
            ("10.0.0.7", 32, "0.0.0.0", None),
            ("192.168.2.10", 24, "192.168.3.1", Some("Gateway")),
            ("192.168.2.0", 24, "0.0.0.0", Some("Submask")),
            ("192.168.2.255", 24, "0.0.0.0", Some("Submask")),
            ("192.168.2.10", 0, "0.0.0.0", Some("Submask")),
            ("127.0.0.1", 8, "0.0.0.0", Some("IPAddr")),
            ("224.0.0.1", 24, "0.0.0.0", Some("IPAddr")),
            ("255.255.255.255", 24, "0.0.0.0", Some("IPAddr")),
            ("0.1.2.3", 24, "0.0.0.0", Some("IPAddr")),
        ] {
            let network = Network {
                address: Address(address.parse().unwrap()),
                mask: Netmask::new(prefix).unwrap(),
                gateway: Address(gateway.parse().unwrap()),
                ..Network::default()
            };
            let detail = network.check().err().map(|error| error.detail);
            let named = detail.as_deref().and_then(|detail| detail.split(':').next());
            assert_eq!(named, wrong, "{address}/{prefix} by {gateway}");
            let by_dhcp = Network { dhcp: Int::of(1), ..network };
            assert_eq!(by_dhcp.check().is_err(), wrong == Some("IPAddr"), "{address}/{prefix} under DHCP");
        }
    }

    #[test]
    fn wifi_needs_what_wpa_needs() {
        let wifi = |ssid: &str, password: &str, security| Wifi {
            enabled: Flag::of(1),
            ssid: Bytes::new(ssid).unwrap(),
            password: Bytes::new(password).unwrap(),
            security,
            ..Wifi::default()
        };
        for (wifi, wrong) in [
            (wifi("net", "12345678", WifiSecurity::Psk), None),
            (wifi("网\n\"", "with \" and \\ ~", WifiSecurity::Wpa), None),
            (wifi("net", "", WifiSecurity::Open), None),
            (wifi("", "12345678", WifiSecurity::Psk), Some("SSID")),
            (wifi("net", "1234567", WifiSecurity::Psk), Some("PassWord")),
            (wifi("net", "1234567\n9", WifiSecurity::Psk), Some("PassWord")),
            (wifi("net", "密码密码", WifiSecurity::Wpa), Some("PassWord")),
            (Wifi { dhcp: Flag::of(0), ..wifi("net", "", WifiSecurity::Open) }, Some("IPAddr")),
            (Wifi { enabled: Flag::of(0), ..wifi("", "", WifiSecurity::Psk) }, None),
        ] {
            let detail = wifi.check().err().map(|error| error.detail);
            assert_eq!(detail.as_deref().and_then(|detail| detail.split(':').next()), wrong, "{wifi:?}");
        }
    }
}
