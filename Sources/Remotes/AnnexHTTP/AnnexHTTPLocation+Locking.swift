import AnnexProtocol
import FileIO
import Glibc
import Locations
import Logging
import Synchronization

extension AnnexHTTPLocation {
    func lock(_ key: Key) async throws -> (any HeldLock)? {
        guard let first = try await takeLock(key) else { return nil }
        return TargetLock(self, key, first)
    }

    /// How long a target keeps a lock to which nobody is connected, in seconds (spec 01 §6.7).
    fileprivate static let leaseSeconds: Int64 = 600

    fileprivate func takeLock(_ key: Key) async throws -> TargetLock.Lease? {
        let place = try await state.gate.enter(.question, name)
        defer { place.release() }
        // Read before the request, so that the target's ten minutes end later than what we count on.
        let begin = BootClock.seconds
        guard case .locked(let id) = try await ask(.lockContent(key), .locked) else { throw nonsense }
        return id.map { TargetLock.Lease(id: $0, end: begin + Self.leaseSeconds) }
    }

    fileprivate func releaseLock(_ id: LockID) async throws {
        let place = try await state.gate.enter(.question, name)
        defer { place.release() }
        let operation = P2POperation.keepLocked(id)
        let answer = try await stepping(operation) { version in
            try await state.login.authorizing { credentials in
                var request = request(
                    operation, version, credentials, headers: [("Content-Type", P2PReply.contentType)])
                request.body = Array("{\"unlock\":true}\n".utf8)
                return try await client.call(request)
            }
        }
        _ = try answer?.reply(.lockReleased, from: name)
    }
}

/// A lock at a target, kept without a connection.
///
/// The stock program gives up a lock when the connection of its `keeplocked` breaks, and so would forget it when this
/// process ends. A lock to which nobody ever connected lives for ten minutes. So there never is a connection: a fresh
/// lock takes the place of one that would end too soon.
private final class TargetLock: HeldLock {
    struct Lease: Sendable {
        var id: LockID
        /// When it ends at the earliest, on our `CLOCK_BOOTTIME`.
        var end: Int64
    }

    private struct State {
        var leases: [Lease]
        var isReleased = false
    }

    private let location: AnnexHTTPLocation
    private let key: Key
    private let state: Mutex<State>

    /// How long an attempt to renew or release may take.
    private static let patience = Duration.seconds(15)

    init(_ location: AnnexHTTPLocation, _ key: Key, _ first: Lease) {
        self.location = location
        self.key = key
        state = Mutex(State(leases: [first]))
    }

    func release() async {
        let leases = state.withLock { state in
            state.isReleased = true
            defer { state.leases = [] }
            return state.leases
        }
        for lease in leases { await give(back: lease) }
    }

    func extend(protectedUntil deadline: Int64) async -> Bool {
        // The wall clock may jump; only the distance to the deadline is taken from it.
        let needed = BootClock.seconds + deadline - Int64(time(nil))
        guard state.withLock({ state in !state.isReleased && !state.leases.contains { $0.end >= needed } }) else {
            return true
        }
        let fresh: Lease?
        do {
            fresh = try await bounded { [location, key] in try await location.takeLock(key) }
        } catch {
            complain("cannot renew a lock at a remote", error)
            return false
        }
        guard let fresh else {
            complain("a remote no longer lets its content be locked", nil)
            return false
        }
        let old: [Lease] = state.withLock { state in
            guard !state.isReleased else { return [fresh] }
            defer { state.leases = [fresh] }
            return state.leases
        }
        for lease in old { await give(back: lease) }
        return true
    }

    func detach(protectedUntil deadline: Int64) async {
        _ = await extend(protectedUntil: deadline)
        state.withLock { state in
            state.isReleased = true
            state.leases = []
        }
    }

    /// A failure does no harm: the lock ends by itself.
    private func give(back lease: Lease) async {
        do {
            try await bounded { [location] in try await location.releaseLock(lease.id) }
        } catch {
            complain("cannot release a lock at a remote; it ends within ten minutes", error)
        }
    }

    private func complain(_ message: StaticString, _ error: (any Error)?) {
        location.logger.warning(
            "\(message)",
            metadata: ["remote": "\(location.name)", "key": "\(key)", "error": "\(error.map { "\($0)" } ?? "none")"])
    }

    private func bounded<Result: Sendable>(
        _ action: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let name = location.name
        // Not a child of the caller: its client may be gone, and the promise still has to be kept.
        let work = Task { try await action() }
        let alarm = Task {
            try await Task.sleep(for: Self.patience)
            work.cancel()
        }
        defer { alarm.cancel() }
        do { return try await work.value } catch is CancellationError {
            throw LocationError(.timedOut, "\(name) has been silent for \(Self.patience.wholeSeconds) s")
        }
    }
}
