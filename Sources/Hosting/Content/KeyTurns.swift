import AnnexProtocol
import Synchronization

/// Lets uploads of one key take turns: the next one waits, without reading its body, until the one before has ended.
///
/// Two receivers would write into one temporary file; and the one that waited usually finds the content stored.
final class KeyTurns: Sendable {
    private struct Waiter {
        let id: UInt64
        let resume: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var active: Set<Key> = []
        var waiting: [Key: [Waiter]] = [:]
        var cancelled: Set<UInt64> = []
        var nextID: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Runs `body` while nobody else has this key's turn. Cancelling the task leaves the queue.
    func withTurn<Result: Sendable>(for key: Key, _ body: () async throws -> Result) async throws -> Result {
        guard await take(key) else { throw CancellationError() }
        defer { passOn(key) }
        return try await body()
    }

    private func take(_ key: Key) async -> Bool {
        let id: UInt64? = state.withLock { state in
            if state.active.insert(key).inserted { return nil }
            state.nextID += 1
            return state.nextID
        }
        guard let id else { return true }
        defer { _ = state.withLock { $0.cancelled.remove(id) } }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return false }
                    if state.active.insert(key).inserted { return true }
                    state.waiting[key, default: []].append(Waiter(id: id, resume: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter: Waiter? = state.withLock { state in
                guard let index = state.waiting[key]?.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.waiting[key]?.remove(at: index)
            }
            waiter?.resume.resume(returning: false)
        }
    }

    private func passOn(_ key: Key) {
        let next: Waiter? = state.withLock { state in
            if var queue = state.waiting[key], !queue.isEmpty {
                let first = queue.removeFirst()
                state.waiting[key] = queue.isEmpty ? nil : queue
                return first
            }
            state.waiting[key] = nil
            state.active.remove(key)
            return nil
        }
        next?.resume.resume(returning: true)
    }
}
