import AnnexProtocol
import Hosting
import Locations
import NIOCore

extension P2PHandler {
    private var scope: LockTable.Scope {
        LockTable.Scope(repository: repository.uuid ?? location.uuid, location: location.uuid)
    }

    private var lockClient: LockTable.Client {
        LockTable.Client(name: exchange.clientAddress.group, isAnonymous: true)
    }

    /// `lockcontent`: locks for ten minutes, and longer while `keeplocked` is connected (spec 01 §6.7).
    func lockContent(_ key: Key) async throws {
        let client = lockClient
        let subject = LockTable.Subject(key: key, name: repository.name, scope: scope)
        if let shortage = await context.locks.shortage(for: client, on: subject) {
            return try await refuseLock(shortage, client)
        }
        guard let lock = try await location.lock(key) else {
            exchange.note(reason: "the content is not here, or is being removed")
            return try await reply(.locked(nil))
        }
        guard let id = await context.locks.add(lock, on: subject, client: client) else {
            let shortage = await context.locks.shortage(for: client, on: subject) ?? .ofAll
            return try await refuseLock(shortage, client)
        }
        do {
            try await reply(.locked(id))
        } catch {
            // The client never learnt the id; nobody else can release the lock.
            await context.locks.unlock(id, scope: scope)
            throw error
        }
    }

    /// The client then keeps its copy, and asks again another time; only the log can say why.
    private func refuseLock(_ shortage: LockTable.Shortage, _ client: LockTable.Client) async throws {
        let reason =
            switch shortage {
            case .ofAll: "all content locks are taken (limits.max_locks)"
            case .ofAnonymous: "all content locks for people without a login are taken (limits.max_anonymous_locks)"
            case .ofClient: "\(client.name) holds as many content locks as one may (limits.max_locks_per_client)"
            }
        exchange.note(reason: reason)
        try await reply(.locked(nil))
    }

    /// `keeplocked`: holds the lock while connected; only an explicit unlock ends it at once.
    ///
    /// When the connection ends in any other way the content stays protected, for as long as the client may rely on it.
    func keepLocked(_ id: LockID) async throws {
        let client = lockClient
        // Before the table knows of it: once the lock is gone there is nothing to be silent for, however soon that is.
        exchange.allowSilence()
        let connection = await context.locks.attach(id, scope: scope, client: client) { [exchange] in
            exchange.allowSilence(false)
        }
        // Attack: connections for locks that are not there, which cost nothing and would never time out.
        if connection == nil { exchange.allowSilence(false) }
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
            if let connection { await context.locks.detach(id, from: connection, client: client) }
            throw error
        }
        if wantsUnlock { await context.locks.unlock(id, scope: scope) }
        if let connection { await context.locks.detach(id, from: connection, client: client) }
        try await reply(.lockReleased)
    }
}
