import HTTPTransport
import Logging
import ServiceLifecycle
import Settings
import UnixSignals

/// Reloads on SIGHUP what can be reloaded, and names the settings that need a restart.
struct Reloading: Service {
    let server: HTTPServer
    /// What the host was started with.
    let settings: Settings
    /// Reads the settings anew, as at the start.
    let load: @Sendable () throws -> Settings
    let logger: Logger

    func run() async {
        await cancelWhenGracefulShutdown {
            for await _ in await UnixSignalsSequence(trapping: .sighup) { await reload() }
        }
    }

    private func reload() async {
        do {
            if try await server.reloadCertificates() { logger.info("certificates reloaded") }
        } catch {
            logger.error("the certificates could not be reloaded; the old ones stay", metadata: ["error": "\(error)"])
        }
        do {
            let waiting = try load().keysDiffering(from: settings)
            if !waiting.isEmpty {
                logger.warning("these settings change with a restart only", metadata: ["keys": "\(waiting)"])
            }
        } catch {
            logger.error("the settings are not valid any more", metadata: ["error": "\(error)"])
        }
    }
}
