//! The choice of the adapter.

use super::OpenOcdBuilder;

impl OpenOcdBuilder {
    /// Selects the adapter's driver, such as `cmsis-dap` (OpenOCD: `adapter driver`). None by
    /// default.
    ///
    /// It precedes the configuration, and is not needed with an interface or board file.
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder()
    ///     .adapter_driver("cmsis-dap")
    ///     .config_file("target/stm32f1x.cfg");
    /// ```
    pub fn adapter_driver(mut self, driver: impl Into<String>) -> Self {
        self.driver = Some(driver.into());
        self
    }

    /// Selects the adapter by its serial number (OpenOCD: `adapter serial`), whatever the
    /// configuration says.
    ///
    /// By default OpenOCD takes the first adapter that it finds. It does not start if the driver
    /// finds no adapter with this number; a driver without serial numbers ignores it.
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder()
    ///     .config_file("board/st_nucleo_f4.cfg")
    ///     .adapter_serial("066DFF535254887767163721");
    /// ```
    pub fn adapter_serial(mut self, serial: impl Into<String>) -> Self {
        self.serial = Some(serial.into());
        self
    }

    /// Selects the adapter by its USB bus and ports, such as `1-2.3` (OpenOCD:
    /// `adapter usb location`), whatever the configuration says. Any location by default.
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder()
    ///     .config_file("board/st_nucleo_f4.cfg")
    ///     .adapter_usb_location("1-2.3");
    /// ```
    pub fn adapter_usb_location(mut self, location: impl Into<String>) -> Self {
        self.usb_location = Some(location.into());
        self
    }

    /// Sets the adapter's clock in kHz (OpenOCD: `adapter speed`), in place of the configuration's.
    ///
    /// Handlers in configuration files may still change it when the target is reset. The adapter
    /// takes its next lower speed; [`Adapter::speed`](crate::Adapter::speed) tells which.
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder()
    ///     .config_file("board/st_nucleo_f4.cfg")
    ///     .adapter_speed(1000);
    /// ```
    pub fn adapter_speed(mut self, khz: u32) -> Self {
        self.speed_khz = Some(khz);
        self
    }

    /// Selects the transport between adapter and chip, `swd` or `jtag` (OpenOCD:
    /// `transport select`). The adapter's first by default.
    ///
    /// It is selected before the first file or command that follows the one with the adapter's
    /// driver. OpenOCD does not start if the adapter lacks the transport, or if the configuration
    /// has selected another one by then.
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder()
    ///     .config_file("interface/cmsis-dap.cfg")
    ///     .transport("swd")
    ///     .config_file("target/stm32f1x.cfg");
    /// ```
    pub fn transport(mut self, transport: impl Into<String>) -> Self {
        self.transport = Some(transport.into());
        self
    }
}
