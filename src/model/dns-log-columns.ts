/** First line of each dns file. */
export const DNS_LOG_HEADER = '#time,clientPort,resolver,name,type,rcode,answers,latency,queries,candidates';
