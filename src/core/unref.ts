/** Lets a process end while a timer runs. On workers, where there is none, a timer is a number. */
export function unref<T>(timer: T): T {
  ;(timer as { unref?: () => void }).unref?.()
  return timer
}
