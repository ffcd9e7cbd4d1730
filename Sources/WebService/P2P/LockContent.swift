import AnnexProtocol
import Hosting
import Locations
import NIOCore

extension P2PHandler {
    private var scope: LockTable.Scope {
        LockTable.Scope(repository: repository.uuid ?? location.uuid, location: location.uuid)
    }

    /// `lockcontent`: locks for ten minutes, and longer while `keeplocked` is connected (spec 01 §6.7).
    func lockContent(_ key: Key) async throws {
        let client = exchange.clientAddress
        guard await context.locks.hasRoom(for: client) else {
            exchange.note(reason: "no more locks for \(client)")
            return try await reply(.locked(nil))
        }
        guard let lock = try await location.lock(key),
            let id = await context.locks.add(lock, scope: scope, client: client)
        else {
            return try await reply(.locked(nil))
        }
        do {
            try await reply(.locked(id))
        } catch {
            // The client never learnt the id; nobody else can release the lock.
            await context.locks.unlock(id, scope: scope)
            throw error
        }
    }

    /// `keeplocked`: holds the lock while connected; only an explicit unlock ends it at once.
    ///
    /// When the connection ends in any other way the content stays protected, for as long as the client may rely on it.
    func keepLocked(_ id: LockID) async throws {
        let isKnown = await context.locks.attach(id, scope: scope)
        exchange.allowSilence()
        var parser = KeepLockedParser()
        var wantsUnlock = false
        do {
            reading: while let bytes = try await exchange.nextBytes() {
                for event in parser.parse(bytes.readableBytesView) {
                    switch event {
                    case .heartbeat: continue
                    case .unlock:
                        wantsUnlock = true
                        break reading
                    case .garbage: break reading
                    }
                }
            }
            if !wantsUnlock && parser.finish() == .unlock { wantsUnlock = true }
        } catch {
            if isKnown { await context.locks.detach(id) }
            throw error
        }
        if isKnown {
            if wantsUnlock {
                await context.locks.unlock(id, scope: scope)
            } else {
                await context.locks.detach(id)
            }
        }
        try await reply(.lockReleased)
    }
}
