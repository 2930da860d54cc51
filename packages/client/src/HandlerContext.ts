/**
 * The context that the application's handlers run in.
 * Owns what of its maker's context a device keeps, and what of a caller's stands above that.
 * Leaves running them to `Handler` and `ChatProxy`.
 */
import { Context, Effect, References, Scope, Tracer } from "effect"

const withoutMaker = Context.omit(Tracer.ParentSpan, Scope.Scope)

/**
 * What a device keeps of the context in which it is made. The span ends as soon as it is made, and the scope is that of the
 * device: nothing that a handler does belongs to either.
 *
 * @internal
 */
export const lasting = <R>(context: Context.Context<R>): Context.Context<R> =>
  withoutMaker(context) as Context.Context<R>

/**
 * Runs the device with this context and nothing else of that in which it is forked.
 *
 * @internal
 */
export const runIn =
  <R>(context: Context.Context<R>) =>
  <A, E>(device: Effect.Effect<A, E, R>): Effect.Effect<A, E> =>
    Effect.updateContext<A, E, R, never>(device, () => context)

const told = Context.pick(
  References.CurrentLogAnnotations,
  References.CurrentLogSpans,
  References.TracerSpanAnnotations,
  References.TracerSpanLinks
)

/**
 * Runs a handler for a caller: with the device's services, and with the caller's span, log and span annotations.
 *
 * The caller may have services under the same keys that are not the device's, as the store of another one.
 *
 * @internal
 */
export const forCaller =
  <R>(context: Context.Context<R>) =>
  <A, E>(handler: Effect.Effect<A, E, R>): Effect.Effect<A, E> =>
    Effect.updateContext(handler, (caller: Context.Context<never>) => Context.mergeAll(caller, context, told(caller)))
