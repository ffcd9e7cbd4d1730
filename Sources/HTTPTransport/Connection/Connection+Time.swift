import NIOCore

/// When the connection reads, and how long it waits.
extension Connection: NIOScheduledCallbackHandler {
    /// Asks the socket for more while there is room for it.
    func updateReading() {
        guard !isReadPending, !inputClosed, let context, wantsInput else { return }
        isReadPending = true
        context.read()
    }

    /// Chooses the size of the buffers for the next reads: small for heads, large for bodies.
    ///
    /// Under TLS the size stays, since the handler below reuses its buffers.
    func readLargePieces(_ isLarge: Bool) {
        guard isLarge != readsLargePieces, !isSecure else { return }
        readsLargePieces = isLarge
        let allocator: any RecvByteBufferAllocator =
            isLarge ? FixedSizeRecvByteBufferAllocator(capacity: 256 * 1024) : Self.headAllocator
        try? channel.syncOptions?.setOption(.recvAllocator, value: allocator)
    }

    static var headAllocator: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: 16 * 1024)
    }

    private var wantsInput: Bool {
        switch phase {
        case .closed: return false
        case .lingering: return true
        case .open:
            guard let exchange else { return true }
            if exchange.decoder.isEnded || exchange.bodyFailure != nil { return inbound.readableBytes < 64 * 1024 }
            if exchange.drained != nil { return true }
            let room = exchange.hasPulled ? core.configuration.bodyBufferBytes : 64 * 1024
            return exchange.buffered.readableBytes < room
        }
    }

    /// Makes sure that the timer fires no later than the earliest deadline.
    func schedule() {
        if case .closed = phase { return }
        guard let next = deadlines.next else { return }
        if let timer, timer.due <= next { return }
        timer?.callback.cancel()
        // It fails only when the event loop has ended, and the connection with it.
        timer = (try? loop.scheduleCallback(at: next, handler: self)).map { (next, $0) }
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        timer = nil
        let now = NIODeadline.now()
        if deadlines.isWatchingWrites { deadlines.observe(unsent: unsentBytes(), at: now) }
        switch deadlines.expired(at: now) {
        case nil: break
        case .idle, .linger, .write: close()
        case .head:
            if inbound.readableBytes > 0 {
                refuse(status: 408, message: "the request head came too slowly")
            } else {
                close()
            }
        case .body:
            if let exchange {
                loseBody(exchange, .timedOut)
                exchange.closesAfter = true
            }
            deadlines.bodyArrived()
        }
        schedule()
    }

    func unsentBytes() -> Int {
        (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }
}
