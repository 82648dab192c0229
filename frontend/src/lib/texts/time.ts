/** Words of time and its gaps. */
export const time = {
  now: "just now",
  ago: (age: string) => `${age} ago`,
  noValue: "no value",
  when: "When",
} as const;
