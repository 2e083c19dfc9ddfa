start_conversation_coordinator() {
    echo "Starting conversation coordinator..."
    
    local coordinator_log="/tmp/conversation_coordinator.log"
    local coordinator_pid_file="/tmp/conversation_coordinator.pid"
    
    # Coordinator function
    conversation_coordinator() {
        while true; do
            local timestamp=$(date +"%Y-%m-%d %H:%M:%S")
            echo "[$timestamp] Conversation Coordinator Check" >> "$coordinator_log"
            
            # Check for new tickets
            if [[ -f "shared_state/tickets.md" ]]; then
                local ticket_count=$(grep -c "ticket:" shared_state/tickets.md 2>/dev/null || echo 0)
                echo "  - Active tickets: $ticket_count" >> "$coordinator_log"
            fi
            
            # Monitor conversation branches
            local active_branches=$(git branch --list | grep -E "(conversation-|task-)" | wc -l)
            echo "  - Active conversation branches: $active_branches" >> "$coordinator_log"
            
            # Check for convergence readiness
            if [[ -f "shared_state/convergence.md" ]]; then
                echo "  - Convergence coordination: ACTIVE" >> "$coordinator_log"
            fi
            
            sleep 30
        done
    }
    
    # Start coordinator
    conversation_coordinator &
    local coordinator_pid=$!
    
    echo "$coordinator_pid" > "$coordinator_pid_file"
    echo "Conversation coordinator started with PID: $coordinator_pid"
    echo "Log file: $coordinator_log"
    
    return 0
}
