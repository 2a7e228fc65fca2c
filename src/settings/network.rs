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

impl Rules for Network {
    fn check(&self) -> Result<()> {
        usable("IPAddr", self.address)?;
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
        let length = self.password.as_str().len();
        if self.security != WifiSecurity::Open && !(8..=63).contains(&length) {
            crate::bail!(BadParameter, "PassWord: has {length} bytes, WPA takes 8 to 63");
        }
        if !self.dhcp.on() && !self.address.is_some() {
            crate::bail!(BadParameter, "IPAddr: is missing, DHCP is 0");
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
